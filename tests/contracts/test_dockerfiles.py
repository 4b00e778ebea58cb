"""Our Dockerfiles say the same thing in the same words. Nothing is built here; what they give is held by tests/images."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_ALL = ("operator", "services/memory", "services/reasoning", "services/telemetry", "trainer_image")
OPERATOR, MEMORY, REASONING, TELEMETRY, TRAINER = (ROOT / name / "Dockerfile" for name in _ALL)
_OWN = re.compile(
    r"# (The|    docker build) .*"  # whose image it is
    r"|COPY (operator|services)\S* .*/build\S*|        \./protos .*"  # what goes in
    r"|# Question sets .*|COPY manifests/examples .*|WORKDIR .*"  # and, for a DualRun, beside the code
    r"|# A call of its own .*| && rm -r \S+/kubernetes/.*"  # and, of the operator's libraries, out again
    r"|LABEL org\.opencontainers\.image\.title=.*|ENTRYPOINT .*"
)
_HANDED_IN = "--mount=type=secret,id=pip,target=/etc/pip.conf --mount=type=secret,id=certificates,target=/etc/ssl/certs/ca-certificates.crt"


@pytest.mark.parametrize("dockerfile", [MEMORY, REASONING, TELEMETRY], ids=lambda path: path.parent.name)
def test_operator_and_services_differ_in_what_goes_in_alone(dockerfile: Path) -> None:
    """A line that is mended in one is mended in the others."""
    operator, service = ([line for line in _lines(each) if not _OWN.fullmatch(line)] for each in (OPERATOR, dockerfile))
    assert operator == service
    assert len(operator) > 30


@pytest.mark.parametrize("dockerfile", [MEMORY, REASONING, TELEMETRY, TRAINER], ids=lambda path: path.parent.name)
def test_all_compile_pythons_own_library_alike(dockerfile: Path) -> None:
    """The stage that does it is the same to the letter."""
    stage = _stage(OPERATOR, "standard")
    assert len(stage) > 3
    assert _stage(dockerfile, "standard") == stage


@pytest.mark.parametrize("dockerfile", [OPERATOR, MEMORY, REASONING, TELEMETRY, TRAINER], ids=lambda path: path.parent.name)
def test_all_begin_and_end_alike(dockerfile: Path) -> None:
    """The same base, secrets that no layer keeps, pinned packages, a commit, and a user that is not root."""
    lines = _lines(dockerfile)
    assert {"ARG BASE=python:3.11-slim-bookworm", "ARG BUILD_BASE=${BASE}", "FROM ${BUILD_BASE} AS build", "FROM ${BASE}"} <= set(lines)
    assert {"ARG REVISION=unknown", "COPY --from=standard /bytecode /", "USER 65532:65532"} <= set(lines)
    assert sum(_HANDED_IN in line for line in lines) == 1
    installs = [line for line in lines if "pip install" in line]
    assert len(installs) == 3
    assert all("--require-hashes" in line or "--no-index" in line for line in installs)


def _lines(dockerfile: Path) -> list[str]:
    return [line for line in dockerfile.read_text().splitlines() if line.strip()]


def _stage(dockerfile: Path, name: str) -> list[str]:
    lines = _lines(dockerfile)
    begin = lines.index(f"FROM ${{BASE}} AS {name}")
    return lines[begin : next(at for at in range(begin + 1, len(lines)) if lines[at].startswith("FROM"))]
