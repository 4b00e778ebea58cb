"""This machine, as one run sees it: its folder, its workers, and the voice of its workers."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from tandem_operator.api.training_run import TrainingRun
from tandem_operator.local.process.environment import interpreter
from tandem_operator.render.process import Site

from .hearing import Hearing
from .process import ports
from .process.workers import Workers
from .state import home
from .state.run_folder import RunFolder


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """All parts of the machine that serve one run."""

    folder: RunFolder
    workers: Workers
    hearing: Hearing

    @classmethod
    def of(cls, folder: RunFolder) -> "Machine":
        """This machine for the run in `folder`."""
        return cls(folder=folder, workers=Workers(folder.workers), hearing=Hearing(folder.telemetry, folder.wanted()))


def site(machine: Machine, run: TrainingRun, environ: Mapping[str, str] = os.environ) -> Site:
    """Where the workers of the attempt under way find things; the same for all of them, whoever starts them and when."""
    folder = machine.folder
    return Site(
        python=interpreter(environ),
        workers=folder.workers,
        cache=home.cache(environ),
        checkpoint_uri=folder.checkpoints,
        rendezvous_port=ports.kept(folder.path / "rendezvous.json", f"attempt {run.status.attempt}"),
        telemetry=machine.hearing.address,
        token_file=machine.hearing.token_file,
    )


def foreseen(folder: RunFolder, environ: Mapping[str, str] = os.environ) -> Site:
    """The site as far as it is known before anything is started; ports are chosen then, and stand here as 0."""
    return Site(
        python=interpreter(environ),
        workers=folder.workers,
        cache=home.cache(environ),
        checkpoint_uri=folder.checkpoints,
        rendezvous_port=0,
        telemetry="127.0.0.1:0",
        token_file=folder.telemetry / "token",
    )
