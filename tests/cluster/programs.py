"""The parts that a cluster is made of."""

import os
from dataclasses import dataclass
from pathlib import Path

from tests.parts import debian
from tests.parts.base_images import BASE
from tests.parts.kube import KUBE
from tests.parts.kubernetes_tools import COREDNS, KARPENTER, KUEUE, KWOK
from tests.parts.minio_server import MINIO
from tests.parts.part import Part, Say, need_root, obtain


@dataclass(frozen=True, slots=True, kw_only=True)
class Programs:
    """Where they are on this machine."""

    kube: Path  # the folder of all daemons and kubectl
    coredns: Path
    minio: Path
    base_image: Path  # an archive
    kwok: Path | None = None
    karpenter: Path | None = None
    kueue: Path | None = None


def obtained(say: Say, *, kwok: bool = False, karpenter: bool = False, kueue: bool = False) -> Programs:
    """All that a cluster needs, built now if this is the first time.

    Raises:
        Missing: If one cannot be had here, or we are not root.
    """
    need_root("a cluster of network namespaces (KUBECONFIG_TANDEM_E2E names another cluster)")
    debian.need(debian.CLUSTER + debian.IMAGES, say)

    def get(part: Part) -> Path:
        return obtain(part, os.environ, say)

    return Programs(
        kube=get(KUBE).parent,
        coredns=get(COREDNS),
        minio=get(MINIO),
        base_image=get(BASE),
        kwok=get(KWOK) if kwok or karpenter else None,
        karpenter=get(KARPENTER) if karpenter else None,
        kueue=get(KUEUE) if kueue else None,
    )
