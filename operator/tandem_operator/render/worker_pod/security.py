"""What a pod of ours may do to its machine, and at the API server: nothing.

It keeps to the `restricted` Pod Security Standard, whatever its namespace asks for. Cards need no privilege. NVIDIA's runtime opens
/dev/nvidia* to everybody. AMD's device plugin hands in /dev/kfd and /dev/dri/renderD*, which often belong to a group of the node that has
another number in every distribution: there, let containerd give devices to the pod's user (`device_ownership_from_security_context = true`)
or let udev open them (MODE="0666", as AMD's own rules do).
"""

from tandem_operator.api.pod import PodSpec
from tandem_operator.render.manifest import Manifest

NOBODY = 65532  # "nonroot" of distroless images, and of ours


def identity(wanted: PodSpec) -> Manifest:
    """Its rights at the API server: none, unless the run names whose."""
    return {
        **({"serviceAccountName": wanted.service_account} if wanted.service_account else {}),
        "automountServiceAccountToken": wanted.service_account is not None,
        "enableServiceLinks": False,  # a namespace full of Services would fill the environment
    }


def of_pod() -> Manifest:
    """The securityContext of the pod: no root, and volumes that its user can write."""
    return {
        "runAsNonRoot": True,
        "runAsUser": NOBODY,
        "runAsGroup": NOBODY,
        "fsGroup": NOBODY,
        "fsGroupChangePolicy": "OnRootMismatch",  # a claim with a million files is not walked at every start
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def of_container() -> Manifest:
    """The securityContext of a container: no way to more rights, and an image that stays as it was built."""
    return {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": True}
