"""The cluster shell: look at what is, ask the planner what to do, do it. Everything is decided in `plan`.

Level-triggered: whatever happened, the answer is to look at the run.
"""

import asyncio
import itertools
import logging
from collections import OrderedDict
from datetime import UTC, datetime
from typing import Final

from tandem_operator.api.reading.run_file import SpecError, from_object
from tandem_operator.api.status import RunStatus
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.plan import acceptance
from tandem_operator.plan.training_run import plan
from tandem_operator.plan.values import Plan, Seen
from tandem_operator.render.cluster_site import PodSite

from .apply import Applying
from .kube.backoff import backoff_s
from .kube.document import Json, part, text
from .kube.errors import KubeError
from .kube.informer import Key
from .looking import FIRST_WAIT_S, LONGEST_WAIT_S, Again, Looking
from .observe import Heard, observe
from .queue import Queue, Turn
from .shown.accounts import Accounts
from .stored import StoredRun
from .world import World

_log = logging.getLogger(__name__)
_UNREAD_WAIT_S: Final = 60.0
_PATIENCE: Final = 5  # failed looks in a row after which workers are stopped without the status that should come before
_MOST_READ: Final = 100  # specs that need not be read again at the next look, which costs 0.2 ms; some 20 kB each


class Shell(Looking):
    """All runs of a cluster, cared for by this process."""

    def __init__(self, world: World, queue: Queue, *, applying: Applying, site: PodSite, heard: Heard, accounts: Accounts) -> None:
        """Care for the runs of `world`, for each when `queue` says so."""
        super().__init__(queue)
        self._world, self._applying, self._heard, self._accounts = world, applying, heard, accounts
        self._place = acceptance.Place(checkpoint_uri=site.checkpoint_uri, trainer_image=site.trainer_image)
        self._read = OrderedDict[Key, TrainingRun]()

    async def begin(self, namespace: str) -> None:
        """Learn what an operator before us has left, that is no pod and no run; try for as long as that takes."""
        for failures in itertools.count(1):
            try:
                await self._applying.holds.read(namespace)
            except KubeError as error:
                _log.warning("what an operator before has left cannot be read: %s", error)
                await asyncio.sleep(backoff_s(failures, FIRST_WAIT_S, LONGEST_WAIT_S))
            else:
                return

    async def _look(self, key: Key) -> Again | None:
        stored = self._world.run(key)
        if stored is None:
            self._forget(key)
            return None
        found, now = stored.object(), datetime.now(UTC)
        if text(found, "metadata", "deletionTimestamp"):
            return None
        try:
            run, problems = self._accepted(key, found), ()
        except SpecError as error:
            begun = _readable(found) if _status(found).attempt or self._world.pods_of(key, stored.uid) else None
            if begun is None:
                return await self._refuse(key, stored, found, error, now)
            run, problems = begun, error.problems
        seen = observe(run, key, self._world, self._heard, now)
        made = plan(run, seen, now)
        if problems:
            made = acceptance.held_back(made, run, problems, seen, now)
        await self._applying.apply(made, run, stored, seen, now, insist=self.failures.get(key, 0) >= _PATIENCE)
        self._accounts.looked(run, made.status)
        return self._again(run, made, seen)

    def _forget(self, key: Key) -> None:
        """The run is gone; the server clears away what it owns."""
        self.failures.pop(key, None)
        self._read.pop(key, None)
        self._accounts.forget(key)
        self._applying.forget(key)

    def _accepted(self, key: Key, found: Json) -> TrainingRun:
        """The run, when it can be run here.

        Raises:
            SpecError: with all that is to be corrected.
        """
        metadata, known = part(found, "metadata"), self._read.get(key)
        if known and (known.metadata.uid, known.metadata.generation) == (metadata["uid"], metadata.get("generation", 1)):
            self._read.move_to_end(key)
            return known.model_copy(update={"status": _status(found)})
        run = from_object(found)
        assert isinstance(run, TrainingRun)
        if problems := acceptance.problems(run, self._place):
            raise SpecError(problems)
        self._read[key] = run
        self._read.move_to_end(key)
        if len(self._read) > _MOST_READ:
            self._read.popitem(last=False)
        return run

    async def _refuse(self, key: Key, stored: StoredRun, found: Json, error: SpecError, now: datetime) -> Again | None:
        """Say what is wrong; the run is looked at again when it is edited.

        If it has begun and cannot even be read any more, its workers go on by what they were told: neither budget nor deadline is known.
        But evictions are let through, so that no machine waits for an edit.
        """
        before = _status(found)
        generation = int(part(found, "metadata").get("generation", 1))
        after = acceptance.refused(before, error.problems, generation=generation, now=now)
        if after != before:
            await self._applying.writing.status(key, stored, after)
            self._applying.telling.say(acceptance.told(before, after), key, stored.uid, now)
        await self._applying.holds.let_go(key, stored.uid)
        live = any(pod.worker.live for pod in self._world.pods_of(key, stored.uid))
        return Again(wait_s=_UNREAD_WAIT_S) if live else None

    def _again(self, run: TrainingRun, made: Plan, seen: Seen) -> Again | None:
        """When to look again: also when what was refused may be granted, and at once to say why it was not."""
        key = (run.metadata.namespace, run.name)
        asked_s = None if made.look_again is None else made.look_again.total_seconds()
        latest_s = None if made.at_latest is None else made.at_latest.total_seconds()
        refused = self._world.refusals.get(key) if made.start else None
        if refused:
            wait_s = self._world.refusals.wait_s(run) if seen.refused == refused else 0.0
            return Again(wait_s=wait_s if asked_s is None else min(wait_s, asked_s))
        if (waits_s := self._applying.waits_s(key)) is not None:
            return Again(wait_s=max(waits_s, FIRST_WAIT_S), turn=Turn.LULL, at_latest_s=latest_s)
        if made.unhurried and asked_s:
            return Again(wait_s=asked_s, turn=Turn.PROGRESS, at_latest_s=latest_s)
        return None if asked_s is None else Again(wait_s=asked_s)


def _readable(found: Json) -> TrainingRun | None:
    try:
        run = from_object(found)
    except SpecError:
        return None
    return run if isinstance(run, TrainingRun) else None


def _status(found: Json) -> RunStatus:
    return RunStatus.model_validate(part(found, "status"), by_alias=True, by_name=False)
