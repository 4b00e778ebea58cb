"""Text from what a run has trained: `tandem_trainer.experts.generation`, told of the run as its workers are."""

import os
import subprocess
from dataclasses import dataclass

from tandem_operator.local.process.environment import passed
from tandem_operator.local.process.trainer_python import with_trainer
from tandem_operator.local.state.run_folder import RunFolder
from tandem_operator.plan.policies import wanted
from tandem_operator.render import job_text

_MODULE = "tandem_trainer.experts.generation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What to write: how it begins, how many tokens, and how they are chosen."""

    prompt: str
    tokens: int
    temperature: float
    top: int
    seed: int


def generate(folder: RunFolder, asked: Asked) -> int:
    """Have it written to standard output; the exit code of the process that does, which explains itself on standard error.

    Raises:
        NoTrainerError: when nothing can be asked.
    """
    python = with_trainer()
    how = (f"--tokens={asked.tokens}", f"--temperature={asked.temperature}", f"--top={asked.top}", f"--seed={asked.seed}")
    job = job_text.completed(wanted.job(folder.wanted()), folder.checkpoints)
    environ = {"OMP_WAIT_POLICY": "PASSIVE", **passed(os.environ), "TANDEM_JOB": job}  # as ranks have it
    return subprocess.run([python, "-m", _MODULE, *how], input=asked.prompt.encode(), env=environ, check=False).returncode
