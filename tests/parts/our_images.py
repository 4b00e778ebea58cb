"""Our own images as tests want them: which there are, and one of them, built now if need be."""

from collections.abc import Mapping
from pathlib import Path

from tests.parts.images import bases, build
from tests.parts.part import Say

ROOT = Path(__file__).parents[2]
DOCKERFILES: Mapping[str, str] = {
    "operator": "operator/Dockerfile",
    "memory": "services/memory/Dockerfile",
    "reasoning": "services/reasoning/Dockerfile",
    "telemetry": "services/telemetry/Dockerfile",
    "trainer": "trainer_image/Dockerfile",
}
_ARGUMENTS: Mapping[str, Mapping[str, str]] = {"trainer": {"REQUIREMENTS": "requirements-cpu.txt"}}


def ours(name: str, say: Say) -> Path:
    """The file of its record, for `Cluster.load_image`.

    Raises:
        Missing: When it cannot be built here.
        RuntimeError: When its build fails; with the end of what it said.
    """
    arguments = {**bases(), **_ARGUMENTS.get(name, {})}
    return build(Path(DOCKERFILES[name]), f"localhost/tandem-{name}:dev", ROOT, arguments, say)
