"""This machine, as one DualRun sees it: its folder, its parts, where they listen, and the word of its coordinator."""

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tandem_operator.api.dual_run import DualRun
from tandem_operator.local.process import ports
from tandem_operator.local.process.environment import interpreter
from tandem_operator.local.process.workers import Workers
from tandem_operator.local.state import durable
from tandem_operator.local.state.run_folder import DualFolder
from tandem_operator.plan.dual.slots import slots
from tandem_operator.plan.dual.values import Role
from tandem_operator.render.dual_process import DualSite


@dataclass(frozen=True, slots=True, kw_only=True)
class DualMachine:
    """All parts of the machine that serve one run."""

    folder: DualFolder
    workers: Workers

    @classmethod
    def of(cls, folder: DualFolder) -> "DualMachine":
        """This machine for the run in `folder`."""
        return cls(folder=folder, workers=Workers(folder.workers))

    def prepare(self) -> None:
        """Have ready what parts are started with."""
        (self.folder.path / "ports").mkdir(exist_ok=True)
        (self.folder.path / "huggingface" / "hub").mkdir(parents=True, exist_ok=True)  # without it, listing models is an error
        if not self.folder.token.exists():
            durable.write(self.folder.token, secrets.token_urlsafe(32), mode=0o600)


def site(folder: DualFolder, run: DualRun) -> DualSite:
    """Where the parts of `run` find each other; a port is chosen once and kept, so that parts that are started again are found."""
    listening = [slot.name for slot in slots(run) if slot.role is not Role.WORKER]
    return _site(folder, {name: ports.kept(folder.path / "ports" / f"{name}.json", name) for name in listening})


def let_go(folder: DualFolder) -> None:
    """Forget the ports that somebody else has taken. Only while no part lives: those that do would not be found any more."""
    for record in (folder.path / "ports").glob("*.json"):
        if ports.taken(ports.kept(record, record.stem)):
            record.unlink()


def foreseen(folder: DualFolder, run: DualRun) -> DualSite:
    """The site as far as it is known before anything is started; ports are chosen then, and stand here as 0."""
    return _site(folder, {slot.name: 0 for slot in slots(run)})


def _site(folder: DualFolder, listening: Mapping[str, int], environ: Mapping[str, str] = os.environ) -> DualSite:
    python = interpreter(environ)
    return DualSite(
        python=python,
        programs=Path(python).parent,
        workers=folder.workers,
        folder=folder.path,
        ports=listening,
        token_file=folder.token,
        threads=environ.get("OMP_NUM_THREADS", "1"),
    )
