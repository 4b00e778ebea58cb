"""The proof that the memory of experts is flat, measured by `tandem_trainer.experts.proof`: a process that says how far it is."""

import json
import os
import signal
import subprocess
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, cast

from tandem_operator.local.process.environment import passed
from tandem_operator.local.process.trainer_python import NoTrainerError, with_trainer
from tandem_operator.plan.policies.restart import DO_NOT_RESTART

_JUDGED = (0, 1)


class RefusedError(Exception):
    """What was asked for cannot be measured; a line that says why, and the fix."""


class EndedError(Exception):
    """The measurement broke off; a line that says how."""


@contextmanager
def proving(words: Sequence[str]) -> Generator[Iterator[Mapping[str, Any]]]:
    """While this is entered, what the measurement says, as it says it; left early, all of its processes end.

    Raises:
        RefusedError: before anything was measured.
        EndedError: in between.
    """
    try:
        python = with_trainer()
    except NoTrainerError as error:
        raise RefusedError(str(error)) from None
    command = [python, "-m", "tandem_trainer.experts.proof", *words]
    with TemporaryFile() as errors:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, env=passed(os.environ), start_new_session=True
        )
        try:
            yield _said(child, errors)
        finally:
            _end(child)


def write(into: Path, told: Mapping[str, Any]) -> Path:
    """Keep the rows and the verdict, for programs."""
    into.mkdir(parents=True, exist_ok=True)
    path = into / "constant_vram_proof.json"
    path.write_text(json.dumps(told, indent=1), encoding="utf-8")
    return path


def _said(child: "subprocess.Popen[bytes]", errors: IO[bytes]) -> Iterator[Mapping[str, Any]]:
    assert child.stdout is not None
    judged = False
    for line in child.stdout:
        said = cast("Mapping[str, Any]", json.loads(line))
        judged = judged or "verdict" in said
        yield said
    if child.wait() in _JUDGED and judged:  # a Python that fails ends with 1, too
        return
    errors.seek(0)
    last = (errors.read().decode(errors="replace").strip().splitlines() or [f"the measurement ended with exit code {child.returncode}"])[-1]
    raise RefusedError(last) if child.returncode == DO_NOT_RESTART else EndedError(last)


def _end(child: "subprocess.Popen[bytes]") -> None:
    """All of its group, unless it has ended by itself: then its own processes have, too."""
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGKILL)  # its number is its own until it is waited for
        child.wait()
    if child.stdout is not None:
        child.stdout.close()
