"""Kueue, for pods of namespaces that ask for it: it holds them back until their queue has room for all of a group.

Its webhooks are called at an address instead of a Service, which nobody could route to here; those of other kinds than pods and queues
are left out. They are in the way of every pod that they are asked about while nobody answers, so they go before Kueue does.
"""

import base64
import json
from typing import Any
from urllib.request import urlopen

import yaml

from tests.cluster.control.credentials import write_certificate
from tests.cluster.control.plane import GROUP
from tests.cluster.machine import processes
from tests.cluster.programs import Programs
from tests.cluster.site import ClusterError, Site
from tests.parts.kubernetes_tools import CRDS, WEBHOOKS

ASKED_FOR = {"tandem.test/kueue": "yes"}
"""The label of namespaces in whose pods it has a say."""

_NAME = "kueue"
_WEBHOOKS_PORT, _HEALTH_PORT = 9443, 8081
_CERTIFICATES = "kueue/metrics/certs"  # below /etc: where it looks for one, whether or not it serves metrics
_NEEDED = {"", "kueue.x-k8s.io"}  # groups
# The folder that stands in for its /etc, as a volume does in a pod.
_AS_IN_A_POD = ("unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc && exec "$@"')


def start_kueue(site: Site, programs: Programs) -> None:
    """Its definitions, its controller and, once that answers, its webhooks; queues are the test's to make."""
    assert programs.kueue
    stop_kueue(site, programs)  # what tests that were killed have left
    etc = site.run / _NAME
    certificates = etc / _CERTIFICATES
    certificates.mkdir(parents=True, exist_ok=True)
    write_certificate(certificates, "tls", "/CN=kueue", [f"IP:{site.host}"])
    settings = site.run / "kueue.yaml"
    settings.write_text(json.dumps(_settings(site, str(certificates))))
    crds = programs.kueue.with_name(CRDS)
    _kubectl(site, programs, "apply", "--server-side", "-f", crds)
    _kubectl(site, programs, "wait", "--for=condition=Established", "-f", crds)  # it ends where one of them is not served
    inside = ("nsenter", f"--net=/run/netns/{site.control}", *_AS_IN_A_POD, etc)
    processes.spawn(site, _NAME, GROUP, *inside, programs.kueue, f"--config={settings}", f"--kubeconfig={site.admin}")
    processes.wait("Kueue to answer", lambda: _answers(site))
    webhooks = site.run / "kueue-webhooks.yaml"
    documents = yaml.safe_load_all(programs.kueue.with_name(WEBHOOKS).read_text())
    authority = base64.b64encode((certificates / "tls.crt").read_bytes()).decode()
    webhooks.write_text(yaml.safe_dump_all([_called(document, site, authority) for document in documents]))
    _kubectl(site, programs, "apply", "-f", webhooks)


def stop_kueue(site: Site, programs: Programs) -> None:
    """Nobody asks it any more, and nobody waits for it; its definitions and what was made of them stay."""
    webhooks = site.run / "kueue-webhooks.yaml"
    try:
        if webhooks.exists():
            _kubectl(site, programs, "delete", "--ignore-not-found", "-f", webhooks)
    finally:
        processes.kill(site, _NAME)


def _settings(site: Site, certificates: str) -> dict[str, Any]:
    return {
        "apiVersion": "config.kueue.x-k8s.io/v1beta2",
        "kind": "Configuration",
        "health": {"healthProbeBindAddress": f"{site.host}:{_HEALTH_PORT}"},
        "metrics": {"bindAddress": "0"},
        "webhook": {"host": site.host, "port": _WEBHOOKS_PORT, "certDir": certificates},
        "leaderElection": {"leaderElect": False},
        "internalCertManagement": {"enable": False},
        "integrations": {"frameworks": ["pod"]},
        "managedJobsNamespaceSelector": {"matchLabels": ASKED_FOR},
        "featureGates": {"VisibilityOnDemand": False},  # a server of its own, for people who look at queues
    }


def _called(document: dict[str, Any], site: Site, authority: str) -> dict[str, Any]:
    """A document of webhooks with those that are needed, each at our address and for the namespaces that ask for Kueue."""
    needed = [each for each in document["webhooks"] if {group for rule in each["rules"] for group in rule["apiGroups"]} <= _NEEDED]
    webhooks = [
        {
            **each,
            "clientConfig": {
                "url": f"https://{site.host}:{_WEBHOOKS_PORT}{each['clientConfig']['service']['path']}",
                "caBundle": authority,
            },
            "namespaceSelector": {"matchLabels": ASKED_FOR},  # has no say where an object is in no namespace
        }
        for each in needed
    ]
    return {**document, "metadata": {"name": f"kueue-{document['metadata']['name']}"}, "webhooks": webhooks}


def _answers(site: Site) -> bool:
    if not processes.running(site, _NAME):
        msg = f"Kueue has ended: {(site.log / _NAME).read_text().splitlines()[-1:]}"
        raise ClusterError(msg)
    try:
        with urlopen(f"http://{site.host}:{_HEALTH_PORT}/readyz", timeout=5) as reply:
            return reply.status == 200
    except OSError:
        return False


def _kubectl(site: Site, programs: Programs, *arguments: object) -> None:
    processes.sh(programs.kube / "kubectl", f"--kubeconfig={site.admin}", *arguments)
