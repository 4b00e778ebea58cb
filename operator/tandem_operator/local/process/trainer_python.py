"""Whether the Python that trains has the trainer: asked of it before it is started, so that people read a line and no traceback."""

import os
import subprocess

from tandem_operator.local.process.environment import interpreter, passed

_NEEDED = ("tandem_trainer", "torch")
_LOOK = "import sys; from importlib.util import find_spec; print(*(name for name in sys.argv[1:] if find_spec(name) is None))"
_LONGEST_S = 60  # a Python begins in a fraction of a second, unless its disk is far away
_FIX = "install the trainer: `uv sync`, or pip install tandem-trainer, or set TANDEM_PYTHON to the Python that has it"


class NoTrainerError(Exception):
    """The Python cannot be run, or has no trainer; a line that says what is missing, and the fix."""


def with_trainer() -> str:
    """The Python that has the trainer; nothing of the trainer is imported, which would take seconds.

    Raises:
        NoTrainerError: when there is none.
    """
    python = interpreter(os.environ)
    command = [python, "-c", _LOOK, *_NEEDED]
    try:
        looked = subprocess.run(command, capture_output=True, text=True, env=passed(os.environ), timeout=_LONGEST_S, check=False)
    except OSError as error:
        message = f"TANDEM_PYTHON: {python} cannot be run ({error.strerror}): {_FIX}"
        raise NoTrainerError(message) from None
    except subprocess.TimeoutExpired:
        message = f"TANDEM_PYTHON: {python} said nothing for {_LONGEST_S} s: {_FIX}"
        raise NoTrainerError(message) from None
    if missing := looked.stdout.split():
        message = f"{python} has no {' and no '.join(missing)}: {_FIX}"
        raise NoTrainerError(message)
    return python
