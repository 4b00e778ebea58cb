"""An agent from its start to its exit code, with small scripts to train."""

import os
import select
import shutil
import signal
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
import torch
from tandem_trainer.checkpoint.claim import claim, highest

from tests.trainer_image.worker.agents import STEPS, TRAIN, WITH_ADAMW, Worker, ended, until

pytestmark = pytest.mark.slow
PATIENCE_S = 300  # what takes seconds on an idle machine


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


@pytest.mark.parametrize(
    ("ranks", "moment", "program"), [(1, 0, TRAIN), (1, 31, WITH_ADAMW), (2, 13, TRAIN)], ids=["at-once", "adamw", "two-ranks"]
)
def test_sigterm_loses_no_step(worker: Worker, ranks: int, moment: int, program: str) -> None:
    """Asked to leave, it keeps the last reported step and says 143; the next attempt makes the steps that are left."""
    worker.ranks, worker.environ["HOLD_BEFORE"] = ranks, str(STEPS - 10)
    process = worker.start(program)
    until(process, f"step {moment}\n")
    process.terminate()
    code, printed = ended(process)
    assert (code, worker.last_words()[0]) == (143, 143), printed
    assert moment < worker.kept() == worker.steps()[-1] < STEPS
    assert "after the last step" not in printed
    worker.go()
    code, printed = worker.run(program)
    assert code == 0, printed
    assert worker.steps() == list(range(1, STEPS + 1))


def test_a_checkpoint_that_is_asked_for_is_taken_while_training_goes_on(worker: Worker, tmp_path: Path) -> None:
    """A file that says after which step: the next state is kept though none is due, and the run is made to its end."""
    asked = tmp_path / "asked"
    asked.mkdir()
    (asked / "save-after-step").write_text("")
    worker.spec = {"phases": [{"name": "a", "steps": 200}], "checkpoint": {"uri": worker.uri, "everySteps": 1000}}
    worker.environ |= {"TANDEM_ASKED": str(asked), "HOLD_BEFORE": "100"}
    process = worker.start()
    until(process, "step 5\n")
    (asked / "save-after-step").write_text("0")
    until(process, "asked for a checkpoint of a step after 0")
    worker.go()
    kept = until(process, "checkpoint of step ")
    code, printed = ended(process)
    assert code == 0, printed
    assert 5 < int(kept.partition("of step ")[2].partition(":")[0]) < 200
    assert printed.count("checkpoint of step ") == 1, "asked for once, kept once, and then the last"
    assert worker.steps() == list(range(1, 201))


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


def await_checkpoint(worker: Worker, step: int) -> None:
    """Return once it is kept."""
    give_up = time.monotonic() + PATIENCE_S
    while worker.kept() != step:
        assert time.monotonic() < give_up, f"{worker.kept()} is kept"
        time.sleep(0.02)


def test_a_killed_agent_takes_its_ranks_along(worker: Worker) -> None:
    """No rank trains on unwatched; there are no last words, and what was kept before stays."""
    process = worker.start(TRAIN.replace("time.sleep(0.01)", "time.sleep(0.01 if at.step < 40 else 3600 if at.step == 40 else 0)"))
    rank = int(until(process, "step 40\n").split()[1])
    await_checkpoint(worker, 25)  # the next is not due before step 50
    watched = os.pidfd_open(rank)
    process.kill()
    try:
        gone, _, _ = select.select([watched], [], [], PATIENCE_S)
        assert gone, "the rank outlived its agent by minutes"
    finally:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(watched, signal.SIGKILL)
        os.close(watched)
    assert ended(process)[0] == -signal.SIGKILL
    assert not (worker.scratch / "exit").exists()
    assert worker.kept() == 25
