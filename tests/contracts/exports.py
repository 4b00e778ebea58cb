"""The exact versions of everything in an image, with hashes: requirements files beside each deployable.

Made from the members' own pyproject.toml files at the date of the workspace's `exclude-newer`, so that anybody gets the
same text on any day. The workspace leaves out some CUDA libraries that a processor does not need; images get them all,
but for the trainer's image for processors alone (see trainer_image/processors) and the one that finds a torch in its base.

    uv run poe exports        writes them; a test proves the committed ones fresh
"""

import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_COMPILE = ["uv", "pip", "compile", "--no-config", "--universal", "--python-version", "3.11", "--generate-hashes"]
_COMPILE += ["--no-header", "--no-annotate", "--quiet"]
_OURS = {
    "tandem-memory": "services/memory",
    "tandem-objects": "services/objects",
    "tandem-protos": "protos",
    "tandem-telemetry": "services/telemetry",
}
_CUDA = ("cuda-bindings", "cuda-pathfinder", "cuda-toolkit", "triton")
_NVIDIA = ("cublas", "cuda-cccl", "cuda-nvrtc", "cudnn-cu13", "cufft", "cufile", "curand", "cusolver", "cusparse", "cusparselt-cu13")
_NVIDIA += ("nccl-cu13", "nvjitlink", "nvshmem-cu13", "nvtx")


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """One requirements file.

    Attributes:
        file: Where it is kept, from the root of the repository.
        member: Whose dependencies; none for what builds packages.
        extras: Which optional ones too.
        more: Requirements besides.
        without: Packages of the resolution that are left out.
    """

    file: str
    member: str | None = None
    extras: tuple[str, ...] = ()
    more: tuple[str, ...] = ()
    without: tuple[str, ...] = ()


_OF_TRAINER = ("deepspeed", "huggingface")
_SERVES = ("transformers[serving]>=5.23",)  # an engine of a DualRun that names no image is the trainer's, too: torch is there already
_BUILDS_OURS = ("hatchling>=1.27",)  # as [build-system] of every member says
EXPORTS = (
    Export(file="operator/requirements.txt", member="operator", extras=("cluster",)),
    Export(file="operator/requirements-build.txt", more=_BUILDS_OURS),
    Export(file="services/memory/requirements.txt", member="services/memory", extras=("cassandra", "server")),
    Export(file="services/memory/requirements-build.txt", more=_BUILDS_OURS),
    Export(file="services/reasoning/requirements.txt", member="services/reasoning", extras=("coordinator",)),
    Export(file="services/reasoning/requirements-build.txt", more=_BUILDS_OURS),
    Export(file="services/telemetry/requirements.txt", member="services/telemetry"),
    Export(file="services/telemetry/requirements-build.txt", more=_BUILDS_OURS),
    Export(file="trainer_image/requirements.txt", member="trainer_image", extras=_OF_TRAINER, more=_SERVES),
    Export(
        file="trainer_image/requirements-cpu.txt",
        member="trainer_image",
        extras=_OF_TRAINER,
        more=_SERVES,
        # Of CUDA, the runtime and the profiler's interface stay, which say that there is no card; stubs stand in for the rest.
        without=(*_CUDA, *(f"nvidia-{name}" for name in _NVIDIA)),
    ),
    # For a base image that brings its own torch, such as those of ROCm.
    Export(
        file="trainer_image/requirements-no-torch.txt",
        member="trainer_image",
        extras=_OF_TRAINER,
        more=_SERVES,
        without=("torch", *_CUDA, *(f"nvidia-{name}" for name in (*_NVIDIA, "cuda-cupti", "cuda-runtime"))),
    ),
    # DeepSpeed comes as source; its own build asks for these.
    Export(file="trainer_image/requirements-build.txt", more=(*_BUILDS_OURS, "setuptools>=64", "wheel")),
)


def export(wanted: Export) -> str:
    """The text of a requirements file."""
    date = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["uv"]["exclude-newer"]
    asked = {*wanted.more, *(_third_party(wanted.member, wanted.extras) if wanted.member else ())}
    command = [*_COMPILE, "--exclude-newer", date, *(f"--no-emit-package={name}" for name in wanted.without), "-"]
    made = subprocess.run(command, cwd=ROOT, input="\n".join(sorted(asked)), capture_output=True, text=True, check=True)
    return made.stdout


def _third_party(member: str, extras: tuple[str, ...] = ()) -> Iterator[str]:
    """What a member and the members below it ask of others."""
    project = tomllib.loads((ROOT / member / "pyproject.toml").read_text())["project"]
    chosen = [each for extra in extras for each in project["optional-dependencies"][extra]]
    for requirement in project["dependencies"] + chosen:
        if requirement in _OURS:
            yield from _third_party(_OURS[requirement])
        else:
            yield requirement


if __name__ == "__main__":
    for each in EXPORTS:
        if not sys.argv[1:] or any(each.file.startswith(f"{name}/") for name in sys.argv[1:]):
            (ROOT / each.file).write_text(export(each))
