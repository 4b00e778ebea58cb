"""The control plane, DNS and MinIO: plain processes in a network namespace of their own."""

import sys
from collections.abc import Mapping
from pathlib import Path

from tests.cluster.control import api
from tests.cluster.control.credentials import write_credentials
from tests.cluster.machine import processes
from tests.cluster.programs import Programs
from tests.cluster.site import Site

GROUP = "control-plane"
MINIO_ACCESS_KEY, MINIO_SECRET_KEY = "minio", "minio-secret"
_ETCD = "http://127.0.0.1:23790"
_GO = {"GOGC": "400"}  # what Go spends on collecting memory, a third of the API server's time, is worth some of it here
_OBJECTS = Path(__file__).with_name("objects.yaml")
_COREFILE = """.:53 {{
  bind {host}
  errors
  kubernetes cluster.local in-addr.arpa {{
    kubeconfig {admin} tandem
    ttl 5
  }}
}}
"""


def start(site: Site, programs: Programs, *, node_grace_s: int) -> None:
    """The daemons of Kubernetes, and return when the API serves."""
    write_credentials(site)
    etcd = [f"--data-dir={site.run / 'etcd'}", f"--listen-client-urls={_ETCD}", f"--advertise-client-urls={_ETCD}"]
    launch(site, programs.kube / "etcd", *etcd, "--listen-peer-urls=http://127.0.0.1:23800", "--unsafe-no-fsync", "--log-level=warn")
    start_api_server(site, programs)
    # A scale test measures the operator, so the limits of its neighbours are not the defaults.
    fast = ["--leader-elect=false", "--bind-address=127.0.0.1", "--kube-api-qps=200", "--kube-api-burst=400"]
    manager = [f"--root-ca-file={site.pki / 'ca.crt'}", f"--service-account-private-key-file={site.pki / 'sa.key'}"]
    manager += ["--use-service-account-credentials", "--node-monitor-period=2s", f"--node-monitor-grace-period={node_grace_s}s"]
    launch(site, programs.kube / "kube-controller-manager", f"--kubeconfig={site.admin}", *fast, *manager)
    launch(site, programs.kube / "kube-scheduler", f"--kubeconfig={site.admin}", *fast)


def start_services(site: Site, programs: Programs) -> None:
    """What pods on real nodes want: DNS, volumes, an object store."""
    (site.run / "Corefile").write_text(_COREFILE.format(host=site.host, admin=site.admin))
    launch(site, programs.coredns, "-conf", site.run / "Corefile")
    owner = {"MINIO_ROOT_USER": MINIO_ACCESS_KEY, "MINIO_ROOT_PASSWORD": MINIO_SECRET_KEY, "MINIO_UPDATE": "off", "MINIO_BROWSER": "off"}
    launch(site, programs.minio, "server", site.run / "minio", "--address", f"{site.host}:9000", environ=owner)
    processes.spawn(site, "volumes", GROUP, sys.executable, "-m", "tests.cluster.control.volumes", site.number)
    objects = site.run / "objects.yaml"
    objects.write_text(_OBJECTS.read_text().replace("HOST", site.host))
    processes.sh(programs.kube / "kubectl", f"--kubeconfig={site.admin}", "apply", "-f", objects)


def start_api_server(site: Site, programs: Programs) -> None:
    """Start it, on what etcd holds, and return when it serves."""
    pki = site.pki
    address = [f"--bind-address={site.host}", f"--advertise-address={site.host}", f"--service-cluster-ip-range={site.services}"]
    trust = [f"--client-ca-file={pki / 'ca.crt'}", f"--token-auth-file={pki / 'tokens.csv'}", "--authorization-mode=Node,RBAC"]
    served = [f"--tls-cert-file={pki / 'apiserver.crt'}", f"--tls-private-key-file={pki / 'apiserver.key'}"]
    kubelets = [f"--kubelet-client-certificate={pki / 'to-kubelets.crt'}", f"--kubelet-client-key={pki / 'to-kubelets.key'}"]
    accounts = [f"--service-account-key-file={pki / 'sa.key'}", f"--service-account-signing-key-file={pki / 'sa.key'}"]
    launch(
        site,
        programs.kube / "kube-apiserver",
        f"--etcd-servers={_ETCD}",
        *(address + trust + served + kubelets + accounts),
        "--kubelet-preferred-address-types=InternalIP",  # or logs and exec ask this machine's DNS for `node1`
        "--service-account-issuer=https://kubernetes.default.svc",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged=true",
        "--enable-aggregator-routing=true",  # no kube-proxy here: webhooks are called at their pods' addresses
    )
    processes.wait("the API server", lambda: api.ready(site))


def stop_api_server(site: Site) -> None:
    """End it at once, in the middle of whatever it does."""
    processes.kill(site, "kube-apiserver")


def launch(site: Site, program: Path, *arguments: object, environ: Mapping[str, str] | None = None) -> None:
    """Start a daemon of the control plane, under its program's name."""
    inside = ("nsenter", f"--net=/run/netns/{site.control}")
    processes.spawn(site, program.name, GROUP, *inside, program, *arguments, environ={**_GO, **(environ or {})}, urgent=True)
