"""The question set of a DualRun, checked by `tandem_reasoning.questions` before anything starts: as its coordinator will read it."""

import os
import subprocess

from tandem_operator.api.dual_run import DualRun, QuestionsSpec
from tandem_operator.local.process.environment import interpreter, passed

_LONGEST_S = 300  # 50,000 questions take a second; a set on S3 comes as fast as the line is
_BAD = 2


def mistakes(run: DualRun) -> tuple[str, ...]:
    """A line for each mistake in the question set of `run`, which names its place and its fix; none for a set that can be used."""
    python = interpreter(os.environ)
    command = [python, "-m", "tandem_reasoning.questions", *_asked(run.spec.questions)]
    try:
        made = subprocess.run(command, capture_output=True, text=True, env=passed(os.environ), timeout=_LONGEST_S, check=False)
    except subprocess.TimeoutExpired:
        return (f"{run.spec.questions.source}: was not read within {_LONGEST_S} s; name a set that is nearer",)
    except OSError as error:
        return (f"TANDEM_PYTHON: {python} cannot be run ({error.strerror}): give a Python that has tandem-reasoning",)
    said = made.stdout.splitlines()
    if made.returncode == _BAD and said:
        return tuple(said)
    if made.returncode:
        words = made.stderr.strip().splitlines() or [f"exit code {made.returncode}"]
        return (f"TANDEM_PYTHON: {python} cannot read questions ({words[-1]}): give a Python that has tandem-reasoning",)
    return ()


def _asked(spec: QuestionsSpec) -> tuple[str, ...]:
    """The set as the command wants it told."""
    fields = (("id", spec.id_field), ("question", spec.question_field), ("answer", spec.answer_field), ("kind", spec.kind_field))
    limit = () if spec.limit is None else (f"--limit={spec.limit}",)
    return (*(f"--{name}-field={value}" for name, value in fields), *limit, "--", spec.source)
