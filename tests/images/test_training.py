"""The trainer's image trains: with the torch that was slimmed for processors, bit for bit as the one of PyPI does."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import yaml
from tandem_objects import open_store
from tandem_operator.api.reading import run_file
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.plan.training_run import plan
from tandem_operator.plan.values import Seen
from tandem_operator.render.process import Site, process
from tandem_trainer.checkpoint.reader import newest

from tests.images.conftest import Mounted
from tests.parts.our_images import ROOT
from tests.parts.running import free_port

pytestmark = pytest.mark.slow

STEPS = 3
NOBODY = 65532
CUDA = """
import torch
print(torch.cuda.is_available(), torch.cuda.device_count(), torch.version.cuda is not None)
try:
    torch.ones(1).cuda()
except RuntimeError as refused:
    print(refused)
"""


def test_the_quickstart_trains_in_the_image_and_its_losses_are_those_of_this_machine(mounted: Mounted, tmp_path: Path) -> None:
    """Three steps of it, in one rank: exit code 0, three reported steps, a checkpoint of the third; the losses are equal."""
    inside, outside = _folder(tmp_path / "inside"), _folder(tmp_path / "outside")
    code, printed = _in_image(mounted, inside)
    assert code == 0, printed
    _on_this_machine(outside)
    assert [step for step, _ in _losses(inside)] == list(range(1, STEPS + 1))
    assert _losses(inside) == _losses(outside)
    manifest = newest(open_store((inside / "scratch/kept").as_uri(), {})).manifest
    assert manifest is not None
    assert manifest.step == STEPS


def test_the_slim_torch_knows_that_it_has_no_card(mounted: Mounted) -> None:
    """It is still the CUDA build, finds no card, and refuses one with a sentence instead of falling."""
    code, printed = mounted("trainer").run("python3", "-c", CUDA)
    assert code == 0, printed
    assert "False 0 True" in printed.splitlines(), printed
    assert "Found no NVIDIA driver" in printed


def test_a_function_that_was_cut_out_says_its_name(mounted: Mounted) -> None:
    """Whoever calls into one of NVIDIA's absent libraries is told which function it was."""
    calls = "import torch, ctypes; ctypes.CDLL('/opt/tandem/libraries/torch/lib/libnccl.so.2').ncclGetVersion(None)"
    code, printed = mounted("trainer").run("python3", "-c", calls)
    assert "this torch is for processors only, but ncclGetVersion of CUDA was called" in printed
    assert code == 128 + 4


def _folder(folder: Path) -> Path:
    """Scratch and cache of a worker; the cache has some text to learn."""
    text = folder / "cache/text"
    text.mkdir(parents=True)
    (folder / "scratch").mkdir()
    for source in ("conftest.py", "container.py"):
        shutil.copy(Path(__file__).with_name(source), text)
    return folder


def _in_image(mounted: Mounted, folder: Path) -> tuple[int, str]:
    folders = {"/tandem/scratch": folder / "scratch", "/tandem/cache": folder / "cache"}
    for each in folders.values():
        os.chown(each, NOBODY, NOBODY)
    return mounted("trainer").run(environ=_environ(*folders), folders=folders)


def _on_this_machine(folder: Path) -> None:
    environ = {**os.environ, **_environ(str(folder / "scratch"), str(folder / "cache"))}
    subprocess.run([sys.executable, "-m", "tandem_trainer.agent"], env=environ, check=True)


def _environ(scratch: str, cache: str) -> Mapping[str, str]:
    """What the planner tells the agent of the quickstart's only worker."""
    run = run_file.from_object(_quickstart(f"{cache}/text"))
    assert isinstance(run, TrainingRun)
    now = datetime(2026, 1, 1, tzinfo=UTC)
    numbered = run.model_copy(update={"status": plan(run, Seen(), now).status})
    (worker,) = plan(numbered, Seen(), now).start
    places = {"workers": PurePosixPath("/"), "cache": PurePosixPath(cache), "checkpoint_uri": f"file://{scratch}/kept"}
    environ = process(worker, Site(python="python3", rendezvous_port=free_port(), **places)).environment
    return {**environ, "TANDEM_SCRATCH": scratch, "OMP_NUM_THREADS": "1"}


def _quickstart(text: str) -> dict[str, Any]:
    written = yaml.safe_load((ROOT / "manifests/examples/quickstart.yaml").read_text())
    spec = written["spec"]
    spec["workers"] = 1
    spec["data"] |= {"source": text, "include": ["*.py"]}
    spec["phases"] = [{**spec["phases"][0], "steps": STEPS, "warmupSteps": 0, "batchSize": 8, "learningRate": 0.001}]
    return written


def _losses(folder: Path) -> list[tuple[int, float]]:
    lines = (folder / "scratch/steps.jsonl").read_text().splitlines()
    return [(step["step"], step["loss"]) for step in map(json.loads, lines)]
