"""Every part of the bench runs, among a few records and without peers, and tells what it promises. How fast anything is, no test asks."""

import json
import os
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.bench.memory import kept
from tests.bench.memory.__main__ import RECORDS, asked_for
from tests.bench.memory.processes import Footprint, end, family, running
from tests.bench.memory.slow_disk import slowly
from tests.parts.part import Missing

_ROOT = Path(__file__).parents[3]
_TOLD = {
    "index": {"memory_index_add", "memory_index_recall_arranged_best", "memory_index_load"},
    "service": {"memory_search_all", "memory_append_64", "memory_append_1_slow_disk", "memory_search_p99_while_appending", "memory_ready"},
    "watch": {"memory_watch_appends", "memory_watch_p50", "memory_watch_p99"},
    "ready": {"memory_ready_own", "memory_ready_mapped", "memory_ready_killed", "memory_ready_stopped"},
    "cassandra": {"memory_cassandra_load", "memory_cassandra_search_source", "memory_cassandra_append_64_p99"},
    "million": {"memory_million_search", "memory_million_recall", "memory_million_pruned", "memory_million_own", "memory_million_killed"},
}


def _lines(part: str, folder: Path) -> list[dict[str, Any]]:
    clients = "1" if part == "cassandra" else "2"  # each is a process of its own in each of 28 turns there
    small = ["--records", "2500", "--dimensions", "32", "--seconds", "0.5", "--clients", clients]
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.memory", "--only", part, *small, "--peers", ""],
        cwd=_ROOT,
        env=os.environ | {"TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("part", [part for part in RECORDS if part != "kept"])
def test_a_part_tells_its_figures(part: str, tmp_path: Path) -> None:
    """One JSON line each with a unit; what is right and not fast holds among a few records, too; nothing is left on the disk."""
    lines = _lines(part, tmp_path)
    assert {line["metric"] for line in lines} >= _TOLD[part]
    assert all(line["unit"] and line["value"] >= 0 for line in lines)
    assert not [line for line in lines if "recall" in line["metric"] and line["value"] < 0.95]
    assert not list(tmp_path.iterdir())


def test_the_bench_of_everything_leaves_no_part_out() -> None:
    """Every part is measured, and what depends on how long vectors are also at the length that larger embeddings have."""
    tasks = tomllib.loads((_ROOT / "pyproject.toml").read_text())["tool"]["poe"]["tasks"]
    said = [each["cmd"].split()[2:] for each in tasks["bench"]["sequence"]]
    asked = [asked_for(words) for module, *words in said if module == "tests.bench.memory"]
    assert [(set(each.only), each.dimensions) for each in asked] == [({*RECORDS}, 384), ({"index", "service"}, 768)]


def test_nothing_that_was_acknowledged_is_lost(tmp_path: Path) -> None:
    """However the service was ended, under writers whose appends are acknowledged until then."""
    lines = _lines("kept", tmp_path)
    assert [line["ended"] for line in lines] == list(kept.ENDINGS)
    assert [line["value"] for line in lines] == [0, 0]
    assert all(line["found"] == line["acknowledged"] > 2500 for line in lines)


def test_a_part_that_is_not_there_is_named() -> None:
    """With those that are."""
    command = [sys.executable, "-m", "tests.bench.memory", "--only", "wach"]
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "wach" in done.stderr
    assert "watch" in done.stderr


def test_half_a_line_acknowledges_nothing() -> None:
    """A writer that is killed may have begun to say something."""
    assert list(kept.numbers(b"4 6\n8 9\n12 1")) == [4, 5, 8]


@pytest.mark.parametrize("sync", ["os.fsync(file)", "os.fdatasync(file)", "os.pwrite(through, b'.', 0)", "os.write(through, b'.')"])
def test_a_slow_disk_takes_its_time(sync: str, tmp_path: Path) -> None:
    """Whatever returns only once data is on the disk takes at least so long."""
    try:
        *before, _ = slowly(tmp_path)
    except Missing as reason:
        pytest.skip(str(reason))
    program = (
        f"import os, time; file, through = os.open('f', os.O_CREAT | os.O_RDWR), os.open('f', os.O_WRONLY | os.O_DSYNC);"
        f"began = time.monotonic(); {sync}; print(time.monotonic() - began)"
    )
    command = [*before, "SLOWSYNC_US=200000", sys.executable, "-c", program]
    assert float(subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout) >= 0.2


def test_a_server_is_killed_with_all_that_it_started() -> None:
    """Also what has no reason to end by itself."""
    with subprocess.Popen(["sh", "-c", "sleep 600 & sleep 600 & wait"]) as server:
        while len(family(server.pid)) < 3:
            time.sleep(0.01)
        members = family(server.pid)
        end(server.pid, signal.SIGKILL)
    assert not any(map(running, members))


def test_memory_is_told_apart_by_whether_the_kernel_can_take_it_back() -> None:
    """Of this process, which has pages of its own and libraries that are mapped."""
    held = Footprint.of(os.getpid())
    assert held.own > 0
    assert held.mapped > 0
    assert held.resident == held.own + held.mapped
    assert held.shared_out <= held.resident
