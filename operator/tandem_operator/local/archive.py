"""How a run is put aside so that another of its name can begin: moved as a whole, and never while something of it lives."""

import shutil
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from tandem_operator.plan.policies import retention
from tandem_operator.plan.values import Seen

from .process.folder import folders
from .process.identity import Identity
from .state.home import Home
from .state.run_folder import AnyFolder, StateError


def put_aside(home: Home, folder: AnyFolder, now: datetime) -> Path:
    """Move a run out of the way, checkpoints and all; where it is now.

    Raises:
        StateError: when somebody acts for it, or its workers still run.
    """
    kept = home.path / "old" / f"{folder.name}-{now:%Y%m%dT%H%M%S}"
    with folder.ownership() as lock:
        if not lock.take():
            message = f"{folder.name}: is being run by process {lock.holder()}: `tandem stop {folder.name}` first"
            raise StateError(message)
        if live := _live(folder):
            message = f"{folder.name}: {', '.join(live)} still run: `tandem stop {folder.name}` first"
            raise StateError(message)
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(folder.path, kept)
    return kept


def put_outlived_aside(home: Home, now: datetime) -> tuple[str, ...]:
    """Move out of the way what has outlived its ttlSecondsAfterFinished; a line for each.

    On one machine nobody watches a run that is over, so this is done when the next one is started. A run that is in use, or whose
    state is damaged, stays: whoever asks for it by name hears of it.
    """
    said: list[str] = []
    for folder in home.runs():
        with suppress(StateError):
            if retention.over(folder.run(), Seen(), now):
                said.append(f"{folder.name}: its ttlSecondsAfterFinished is over, it is now in {put_aside(home, folder, now)}")
    return tuple(said)


def _live(folder: AnyFolder) -> list[str]:
    """The workers that have not ended."""
    claims = [(worker, Identity.read(worker.pid)) for worker in folders(folder.workers) if worker.ended() is None]
    return [worker.path.name for worker, known in claims if known and known.alive]
