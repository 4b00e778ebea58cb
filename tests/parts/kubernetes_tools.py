"""What stands around Kubernetes in tests: its DNS, Helm, nodes played by kwok, the Karpenter that buys such nodes, and Kueue."""

import hashlib
import re
from pathlib import Path

from tests.parts import go
from tests.parts.part import Part, Say

STAGES = "stages.yaml"  # beside kwok: how it plays nodes and pods
CRDS = "crds.yaml"  # beside Karpenter and Kueue
WEBHOOKS = "webhooks.yaml"  # beside Kueue

_COREDNS = Path(__file__).with_name("coredns")  # a Go module: with all the plugins that it ships with, twice as much is compiled
_HELM_MODULE, _HELM_VERSION = "helm.sh/helm/v3", "v3.22.0"
_STAGES = (
    "kustomize/stage/node/fast/node-initialize.yaml",
    "kustomize/stage/node/heartbeat-with-lease/node-heartbeat-with-lease.yaml",
    "kustomize/stage/pod/fast/pod-*.yaml",
)
_CRDS = ("pkg/apis/crds/*.yaml", "kwok/apis/crds/*.yaml")
_KUEUE = "config/components"


def _coredns_version() -> str:
    inputs = b"\0".join((_COREDNS / name).read_bytes() for name in ("go.mod", "go.sum", "main.go"))
    return f"v1.15.0-{hashlib.sha256(inputs).hexdigest()[:12]}"


def _make_coredns(part: Part, into: Path, say: Say) -> None:
    command = [go.program_for(part), "build", go.STRIPPED, go.LEAN, "-o", str(into / part.program), "."]
    go.built(command, "go build coredns", folder=_COREDNS, log=into / "build.log", environ={}, say=say)


def _make_helm(part: Part, into: Path, say: Say) -> None:
    """Told its version, and that of the Kubernetes it is made for, as its own releases are: else it takes itself for 1.20's."""
    (client,) = re.findall(r"k8s\.io/client-go v0\.(\d+)\.", (go.source(_HELM_MODULE, part, version=_HELM_VERSION) / "go.mod").read_text())
    package = f"{_HELM_MODULE}/internal/version"
    facts = {f"{package}.version": _HELM_VERSION, f"{package}.gitTreeState": "clean"}
    for rules in ("pkg/chartutil", "pkg/lint/rules"):
        facts |= {f"{_HELM_MODULE}/{rules}.k8sVersionMajor": "1", f"{_HELM_MODULE}/{rules}.k8sVersionMinor": client}
    go.install(f"{_HELM_MODULE}/cmd/helm", part, into, say, version=_HELM_VERSION, facts=facts)


def _make_kwok(part: Part, into: Path, say: Say) -> None:
    go.install("sigs.k8s.io/kwok/cmd/kwok", part, into, say)
    _join(go.source("sigs.k8s.io/kwok", part), _STAGES, into / STAGES)


def _make_karpenter(part: Part, into: Path, say: Say) -> None:
    go.install("sigs.k8s.io/karpenter/kwok", part, into, say)
    _join(go.source("sigs.k8s.io/karpenter", part), _CRDS, into / CRDS)


def _make_kueue(part: Part, into: Path, say: Say) -> None:
    go.install("sigs.k8s.io/kueue/cmd/kueue", part, into, say)
    source = go.source("sigs.k8s.io/kueue", part)
    _join(source, (f"{_KUEUE}/crd/bases/*.yaml",), into / CRDS)
    _join(source, (f"{_KUEUE}/webhook/manifests.yaml",), into / WEBHOOKS)


def _join(source: Path, patterns: tuple[str, ...], into: Path) -> None:
    files = [file for pattern in patterns for file in sorted(source.glob(pattern))]
    into.write_text("\n---\n".join(file.read_text() for file in files))


COREDNS = Part(name="coredns", version=_coredns_version(), program="coredns", make=_make_coredns)
HELM = Part(name="helm", version=f"{_HELM_VERSION}-told", program="helm", make=_make_helm)
KWOK = Part(name="kwok", version="v0.8.0", program="kwok", make=_make_kwok)
KARPENTER = Part(name="karpenter", version="v1.14.1", program="kwok", make=_make_karpenter)  # v1.15 needs a newer Go
KUEUE = Part(name="kueue", version="v0.17.0", program="kueue", make=_make_kueue)
