"""How the pods of a run start and end, whatever they do."""

from tandem_operator.api.pod import PodSpec
from tandem_operator.render.cluster_site import PodSite
from tandem_operator.render.manifest import Manifest


def grace_s(wanted: PodSpec, site: PodSite) -> int:
    """How long a worker that trains has from the signal to leave to its end, in seconds: for its last checkpoint."""
    return wanted.grace_seconds or site.grace_seconds


def life(wanted: PodSpec, site: PodSite, *, grace_s: int) -> Manifest:
    """Never restarted in place: an attempt is all of its workers, and each start of a part has a number, and so a pod of its own.

    It hears from its first moment that it is to leave. The first process of a PID namespace is spared every signal that it has no handler
    for yet (pid_namespaces(7)), and kubelet asks but once: a program that is still being loaded would go on until it is killed. With a
    shared namespace the first process is the sandbox's.
    """
    pulled_with = dict.fromkeys((*site.image_pull_secrets, *wanted.image_pull_secrets))
    return {
        "restartPolicy": "Never",
        "shareProcessNamespace": True,
        "terminationGracePeriodSeconds": grace_s,
        **({"priorityClassName": wanted.priority_class} if wanted.priority_class else {}),
        **({"runtimeClassName": wanted.runtime_class} if wanted.runtime_class else {}),
        **({"imagePullSecrets": [{"name": name} for name in pulled_with]} if pulled_with else {}),
    }
