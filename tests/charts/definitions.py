"""Kinds of others that the chart and `manifests/` use, as their own projects define them: taken from their source."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.parts import go
from tests.parts.part import Part, Say


def _taken(module: str, files: tuple[str, ...]) -> Callable[[Part, Path, Say], None]:
    return partial(_take, module, files)


def _take(module: str, files: tuple[str, ...], part: Part, into: Path, say: Say) -> None:
    say(f"downloading {part.name} {part.version}")
    source = go.source(module, part)
    (into / part.program).write_text("\n---\n".join((source / file).read_text() for file in files))


KARPENTER = Part(
    name="karpenter-definitions",
    version="v1.14.1",
    program="crds.yaml",
    make=_taken(
        "github.com/aws/karpenter-provider-aws",
        ("pkg/apis/crds/karpenter.sh_nodepools.yaml", "pkg/apis/crds/karpenter.k8s.aws_ec2nodeclasses.yaml"),
    ),
)
PROMETHEUS = Part(
    name="prometheus-definitions",
    version="v0.85.0",
    program="crds.yaml",
    make=_taken(
        "github.com/prometheus-operator/prometheus-operator",
        tuple(
            f"example/prometheus-operator-crd/monitoring.coreos.com_{kind}.yaml"
            for kind in ("servicemonitors", "podmonitors", "prometheusrules")
        ),
    ),
)
CERTIFICATES = Part(
    name="cert-manager-definitions",
    version="v1.19.1",
    program="crds.yaml",
    make=_taken("github.com/cert-manager/cert-manager", ("deploy/crds/cert-manager.io_certificates.yaml",)),
)
FOREIGN = (KARPENTER, PROMETHEUS, CERTIFICATES)
