"""A whole worker: the agent as a process of its own, with small scripts to train."""

import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import torch
from tandem_objects import open_store
from tandem_trainer.checkpoint.claim import claim, highest
from tandem_trainer.checkpoint.reader import newest

pytestmark = pytest.mark.slow

STEPS = 60
TRAIN = """
import os, time, torch
from tandem_trainer import script
model = torch.nn.Linear(3, 3)
optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
with script.begin(model=model, optimizer=optimizer) as run:
    for at in run.steps():
        print("rank", os.getpid(), "step", at.step, flush=True)
        time.sleep(0.01)
        optimizer.zero_grad()
        loss = model(torch.ones(3)).square().sum()
        loss.backward()
        optimizer.step()
        run.report(loss=loss.item(), tokens=3)
print("after the last step", flush=True)
"""


class Worker:
    """One worker's place on this machine."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.attempt = folder, 0
        self.scratch = folder / "scratch"
        self.scratch.mkdir()
        self.store = open_store((folder / "kept").as_uri(), {})
        self.spec: dict[str, Any] = {}
        self.ranks = 1

    def start(self, program: str | None = TRAIN) -> subprocess.Popen[str]:
        """Start an attempt at a script; None leaves the script out."""
        self.attempt += 1
        path = self.folder / "train.py"
        if program is not None:
            path.write_text(program)
        return subprocess.Popen(
            [sys.executable, "-m", "tandem_trainer.agent"],
            env={**os.environ, **self._environment(path)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, program: str | None = TRAIN) -> tuple[int, str]:
        """Make an attempt; the exit code and what was printed."""
        return ended(self.start(program))

    def last_words(self) -> tuple[int, str]:
        told = json.loads((self.scratch / "exit").read_text())
        return told["code"], told["message"]

    def steps(self) -> list[int]:
        """The steps that were reported, over all attempts."""
        return [json.loads(line)["step"] for line in (self.scratch / "steps.jsonl").read_text().splitlines()]

    def kept(self) -> int:
        """The step of the newest checkpoint; 0 where there is none."""
        manifest = newest(self.store).manifest
        return manifest.step if manifest is not None else 0

    def _environment(self, script: Path) -> dict[str, str]:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        job = {
            "name": "r",
            "uid": "u",
            "trainer": {"kind": "script", "path": str(script)},
            "phases": [{"name": "a", "steps": STEPS}],
            "checkpoint": {"uri": self.store.uri, "everySteps": 25},
            **self.spec,
        }
        return {
            "TANDEM_JOB": json.dumps(job),
            "TANDEM_ATTEMPT": str(self.attempt),
            "TANDEM_WORKER_RANK": "0",
            "TANDEM_WORKERS": "1",
            "TANDEM_RANKS_PER_WORKER": str(self.ranks),
            "TANDEM_RENDEZVOUS": f"127.0.0.1:{port}",
            "TANDEM_SCRATCH": str(self.scratch),
            "TANDEM_CACHE": str(self.folder / "cache"),
            "OMP_NUM_THREADS": "1",
        }


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Wait for the end of an agent and of all that print where it prints."""
    assert process.stdout is not None
    with process:
        printed = process.stdout.read()
    return process.returncode, printed


def until(process: subprocess.Popen[str], what: str) -> str:
    """The first line that holds `what`."""
    assert process.stdout is not None
    return next(line for line in process.stdout if what in line)


@pytest.fixture
def worker(tmp_path: Path) -> Worker:
    return Worker(tmp_path)


def test_a_run_that_is_done_ends_well_and_is_kept(worker: Worker) -> None:
    """Exit code 0, no complaint in the last words, every step reported once, the last one kept."""
    code, printed = worker.run()
    assert (code, worker.last_words()) == (0, (0, "")), printed
    assert worker.steps() == list(range(1, STEPS + 1))
    assert worker.kept() == STEPS
    assert "after the last step" in printed


@pytest.mark.parametrize(("ranks", "moment"), [(1, 0), (1, 31), (2, 13)])
def test_sigterm_loses_no_step(worker: Worker, ranks: int, moment: int) -> None:
    """Asked to leave, it keeps the last reported step and says 143; the next attempt makes the steps that are left."""
    worker.ranks = ranks
    process = worker.start()
    until(process, f"step {moment}\n")
    process.terminate()
    code, printed = ended(process)
    assert (code, worker.last_words()[0]) == (143, 143), printed
    assert moment < worker.kept() == worker.steps()[-1] < STEPS
    assert "after the last step" not in printed
    code, printed = worker.run()
    assert code == 0, printed
    assert worker.steps() == list(range(1, STEPS + 1))


def test_an_attempt_that_comes_after_a_later_one_makes_no_step(worker: Worker) -> None:
    """Cut off before its first claim, it finds the next attempt's: all its ranks leave as fenced, and it takes nothing away."""
    worker.ranks = 2
    later = claim(worker.store, attempt=2, uid="u", now=datetime.now(UTC))
    code, printed = worker.run()
    assert code == 143, printed
    told, message = worker.last_words()
    assert told == 143
    assert message.startswith("a newer attempt has taken over: claim 1 on file:")
    assert message.endswith(" is of attempt 2: attempt 1 came too late and must stop")
    assert " step " not in printed
    assert (highest(worker.store), worker.kept()) == (later, 0)
    code, printed = worker.run()
    assert (code, worker.kept()) == (0, STEPS), printed


def test_sigterm_while_libraries_are_imported_is_no_failure(worker: Worker) -> None:
    """Before the first step there is nothing to keep: it leaves at once, and says 143."""
    process = worker.start('import signal, time\nprint("importing", flush=True)\ntime.sleep(600)\n')
    until(process, "importing")
    process.terminate()
    code, printed = ended(process)
    assert (code, worker.last_words()[0]) == (143, 143), printed


def test_a_script_that_makes_no_steps_is_not_started_again(worker: Worker) -> None:
    """It ended well but did not train: 93, and the line says how many steps are left."""
    code, printed = worker.run('print("hello")')
    assert code == 93, printed
    assert worker.last_words() == (93, f"training ended at step 0 of {STEPS}, though nobody asked it to: make the steps that are left")


@pytest.mark.parametrize(
    ("program", "code", "line"),
    [
        ("import nosuch", 1, "ModuleNotFoundError: No module named 'nosuch'"),
        ("x = (", 1, "SyntaxError: "),
        ("raise SystemExit(5)", 5, "rank 0 ended with exit code 5"),
        ("import os\nos.abort()", 134, "rank 0 ended with exit code 134"),
        (TRAIN.replace("run.report(", "print("), 1, "TypeError"),
        (TRAIN.replace("run.report(loss=loss.item(), tokens=3)", "pass"), 93, "step 0 was not reported: call report(loss=...) once"),
        (None, 93, "trainer.script.path: "),
    ],
)
def test_a_script_that_fails_is_told_in_one_line(worker: Worker, program: str | None, code: int, line: str) -> None:
    """The last words name the error; only what trying again cannot mend is 93."""
    found, printed = worker.run(program)
    assert found == code, printed
    told, message = worker.last_words()
    assert told == code
    assert message.startswith(line)
    assert "\n" not in message


def test_kubelet_is_told_the_same_without_secrets(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last words stand in the termination log, too, in the file that is mounted there; a secret stands nowhere."""
    log = worker.folder / "termination-log"
    log.touch()
    inode = log.stat().st_ino
    monkeypatch.setenv("TANDEM_TERMINATION_LOG", str(log))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-secret-key")
    code, printed = worker.run('import os\nraise ValueError("cannot sign with " + os.environ["AWS_SECRET_ACCESS_KEY"])')
    assert (code, log.read_text()) == (1, "ValueError: cannot sign with ***"), printed
    assert worker.last_words() == (1, log.read_text())
    assert log.stat().st_ino == inode


@pytest.mark.skipif(torch.cuda.is_available(), reason="there are cards here")
def test_cards_that_are_not_there_are_not_replaced_by_the_processor(worker: Worker) -> None:
    """Who asked for a card and gets none is told so, and not started again."""
    worker.spec = {"gpusPerWorker": 1}
    code, printed = worker.run()
    assert code == 93, printed
    assert worker.last_words()[1].startswith("gpusPerWorker: 1 is more than the 0 cards")


def test_a_full_scratch_disk_does_not_end_training(worker: Worker, disk: Path) -> None:
    """Without room for records and last words, steps are still made and kept elsewhere."""
    worker.scratch = disk
    fill(disk)
    code, printed = worker.run()
    assert (code, worker.kept()) == (0, STEPS), printed


def fill(disk: Path) -> None:
    """Leave no room for as much as a name."""
    with suppress(OSError), (disk / "full").open("wb", buffering=0) as file:
        while file.write(bytes(1 << 12)):
            pass
    assert shutil.disk_usage(disk).free == 0


def test_a_killed_agent_takes_its_ranks_along(worker: Worker) -> None:
    """No rank trains on unwatched; there are no last words, and what was kept before stays."""
    process = worker.start(TRAIN.replace("time.sleep(0.01)", "time.sleep(0.01 if at.step < 40 else 600 if at.step == 40 else 0)"))
    rank = int(until(process, "step 40\n").split()[1])
    watched = os.pidfd_open(rank)
    process.kill()
    try:
        gone, _, _ = select.select([watched], [], [], 60)
        assert gone, "the rank outlived its agent by a minute"
    finally:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(watched, signal.SIGKILL)
        os.close(watched)
    assert ended(process)[0] == -signal.SIGKILL
    assert not (worker.scratch / "exit").exists()
    assert worker.kept() == 25
