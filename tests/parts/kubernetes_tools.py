"""What stands around Kubernetes in tests: its DNS, Helm, nodes played by kwok, and the Karpenter that buys such nodes."""

from functools import partial
from pathlib import Path

from tests.parts import go
from tests.parts.part import Part, Say

STAGES = "stages.yaml"  # beside kwok: how it plays nodes and pods
CRDS = "crds.yaml"  # beside Karpenter

_STAGES = (
    "kustomize/stage/node/fast/node-initialize.yaml",
    "kustomize/stage/node/heartbeat-with-lease/node-heartbeat-with-lease.yaml",
    "kustomize/stage/pod/fast/pod-*.yaml",
)
_CRDS = ("pkg/apis/crds/*.yaml", "kwok/apis/crds/*.yaml")


def _make_kwok(part: Part, into: Path, say: Say) -> None:
    go.install("sigs.k8s.io/kwok/cmd/kwok", part, into, say)
    _join(go.source("sigs.k8s.io/kwok", part), _STAGES, into / STAGES)


def _make_karpenter(part: Part, into: Path, say: Say) -> None:
    go.install("sigs.k8s.io/karpenter/kwok", part, into, say)
    _join(go.source("sigs.k8s.io/karpenter", part), _CRDS, into / CRDS)


def _join(source: Path, patterns: tuple[str, ...], into: Path) -> None:
    files = [file for pattern in patterns for file in sorted(source.glob(pattern))]
    into.write_text("\n---\n".join(file.read_text() for file in files))


COREDNS = Part(name="coredns", version="v1.15.0", program="coredns", make=partial(go.install, "github.com/coredns/coredns"))
HELM = Part(name="helm", version="v3.22.0", program="helm", make=partial(go.install, "helm.sh/helm/v3/cmd/helm"))
KWOK = Part(name="kwok", version="v0.8.0", program="kwok", make=_make_kwok)
KARPENTER = Part(name="karpenter", version="v1.14.1", program="kwok", make=_make_karpenter)  # v1.15 needs a newer Go
