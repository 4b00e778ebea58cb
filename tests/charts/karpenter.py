"""Karpenter's own definitions of NodePool and EC2NodeClass, from the source of its AWS provider."""

from pathlib import Path

from tests.parts import go
from tests.parts.part import Part, Say


def _make(part: Part, into: Path, say: Say) -> None:
    say(f"downloading {part.name} {part.version}")
    source = go.source("github.com/aws/karpenter-provider-aws", part)
    definitions = [source / f"pkg/apis/crds/{name}.yaml" for name in ("karpenter.sh_nodepools", "karpenter.k8s.aws_ec2nodeclasses")]
    (into / part.program).write_text("---\n".join(file.read_text() for file in definitions))


KARPENTER_AWS = Part(name="karpenter-aws", version="v1.14.1", program="crds.yaml", make=_make)
