"""A worker that keeps the agent's contract without training: steps, checkpoints, reports, SIGTERM, exit note.

The real agent needs 20 seconds to take its first step; the shell around it is the same. What it may be told in STANDIN_* is
what a trainer may do: be slow (STEP_S), save every so many steps (SAVE_EVERY), fall at a step (FALL_AT), ignore SIGTERM (DEAF),
leave a rank behind (CHILD), report through the real client (REPORT). After a step (HOLD_AFTER) it stands still until it is asked to
leave, or its run's folder has a file `go`: whatever is to befall it finds it there, however slow the machine is.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

JOB = json.loads(os.environ["TANDEM_JOB"])
SCRATCH = Path(os.environ["TANDEM_SCRATCH"])
STORE = Path(JOB["checkpoint"]["uri"].removeprefix("file://"))
RANK = int(os.environ["TANDEM_WORKER_RANK"])
TOTAL = sum(phase["steps"] for phase in JOB["phases"])
STEP_S = float(os.environ.get("STANDIN_STEP_S", "0.01"))
SAVE_EVERY = int(os.environ.get("STANDIN_SAVE_EVERY", "10"))
FALL_AT = int(os.environ.get("STANDIN_FALL_AT", "-1"))
HOLD_AFTER = int(os.environ.get("STANDIN_HOLD_AFTER", "-1"))
asked: list[int] = []


def main() -> None:
    signal.signal(signal.SIGTERM, lambda number, _: None if "STANDIN_DEAF" in os.environ else asked.append(number))
    _record_start()
    if "STANDIN_CHILD" in os.environ:
        subprocess.Popen(["sleep", "600"], start_new_session=True)
    STORE.mkdir(parents=True, exist_ok=True)
    voice = _Voice()
    step = _saved()
    with (SCRATCH / "steps.jsonl").open("a", buffering=1) as record:
        while step < TOTAL and not asked:
            time.sleep(STEP_S)
            if step == HOLD_AFTER and not (SCRATCH.parent.parent / "go").exists():
                continue
            step += 1
            if step == FALL_AT:
                _leave(1, f"fell at step {step}")
            record.write(
                json.dumps({"step": step, "loss": 5 / step, "phase": _phase(step), "tokensPerSecond": 1000.0, "at": time.time()}) + "\n"
            )
            if step % SAVE_EVERY == 0:
                _save(step)
                voice.say(step)
    _save(step)
    voice.say(step)
    voice.close()
    _leave(*((0, "") if step == TOTAL else (143, "asked to leave")))


def _record_start() -> None:
    """One line for each process that ever was this worker."""
    with (SCRATCH.parent.parent / "starts").open("a") as starts:
        starts.write(f"{SCRATCH.name}\n")


def _phase(step: int) -> str:
    for phase in JOB["phases"]:
        step -= phase["steps"]
        if step <= 0:
            return str(phase["name"])
    return ""


def _saved() -> int:
    with contextlib.suppress(FileNotFoundError):
        return int((STORE / "newest").read_text())
    return 0


def _save(step: int) -> None:
    if RANK == 0:
        (STORE / "beside").write_text(str(step))
        (STORE / "beside").replace(STORE / "newest")


def _leave(code: int, message: str) -> None:
    (SCRATCH / "beside").write_text(json.dumps({"code": code, "message": message}))
    (SCRATCH / "beside").replace(SCRATCH / "exit")
    sys.exit(code)


class _Voice:
    """The real reporter, when it is asked for."""

    def __init__(self) -> None:
        self._reporter = None
        if "STANDIN_REPORT" in os.environ:
            from tandem_telemetry.client import Reporter

            self._reporter = Reporter(os.environ["TANDEM_TELEMETRY"], Path(os.environ["TANDEM_TOKEN_FILE"]))

    def say(self, step: int) -> None:
        if self._reporter is None:
            return
        from tandem.telemetry.v1.telemetry_pb2 import WorkerReport

        report = WorkerReport(step=step, total_steps=TOTAL, loss=5 / step, training_phase=_phase(step), trainer="script")
        report.source.namespace, report.source.run = JOB["namespace"], JOB["name"]
        report.source.attempt, report.source.rank = int(os.environ["TANDEM_ATTEMPT"]), RANK
        report.at.GetCurrentTime()
        report.checkpoint.step, report.checkpoint.uri = step, f"{JOB['checkpoint']['uri']}/newest"
        report.checkpoint.at.GetCurrentTime()
        self._reporter.report(report)

    def close(self) -> None:
        if self._reporter is not None:
            self._reporter.close(5.0)


if __name__ == "__main__":
    main()
