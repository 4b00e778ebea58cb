"""The cluster shell: look at what is, ask the planner what to do, do it. Everything is decided in `plan`.

Level-triggered: whatever happened, the answer is to look at the run.
"""

import asyncio
import itertools
import logging
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Final

from tandem_operator.api.reading.run_file import SpecError, as_far_as_known, from_object
from tandem_operator.api.status import RunStatus
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.plan import acceptance
from tandem_operator.plan.training_run import plan
from tandem_operator.plan.values import Plan, Seen
from tandem_operator.render.cluster_site import PodSite

from .apply import Applying
from .known.stored import StoredRun
from .known.world import World
from .kube.backoff import backoff_s
from .kube.document import Json, part
from .kube.errors import KubeError
from .kube.informer import Key
from .observe import Heard, observe
from .shown.accounts import Accounts
from .turns.looking import FIRST_WAIT_S, LONGEST_WAIT_S, UNREAD_WAIT_S, Again, Deed, Looking
from .turns.queue import Queue, Turn

_log = logging.getLogger(__name__)
_MOST_READ: Final = 100  # specs that need not be read again at the next look, which costs 0.2 ms; some 20 kB each


class Shell(Looking):
    """All runs of a cluster, cared for by this process."""

    def __init__(
        self,
        world: World,
        queue: Queue,
        now: Callable[[], datetime],
        *,
        applying: Applying,
        site: PodSite,
        heard: Heard,
        accounts: Accounts,
    ) -> None:
        """Care for the runs of `world`, for each when `queue` says so; `now` is the time of the API server."""
        super().__init__(queue, world, now, applying)
        self._world, self._applying, self._heard, self._accounts = world, applying, heard, accounts
        self._place = acceptance.Place(checkpoint_uri=site.checkpoint_uri, trainer_image=site.trainer_image)
        self._read = OrderedDict[Key, tuple[bytes, TrainingRun]]()  # each beside what it was read from

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

    def _planned(self, key: Key, stored: StoredRun, found: Json, now: datetime) -> Deed:
        begun = bool(_status(found).attempt or self._world.pods_of(key, stored.uid))
        try:
            run, problems = self._accepted(key, stored, found), self.held_up_by(key, found)
        except SpecError as error:
            known = as_far_as_known(found, TrainingRun) if begun else None
            if known is None:
                raise
            run, problems = known, error.problems
        if problems and not begun:
            raise SpecError(problems)
        seen = observe(run, key, self._world, self._heard)
        made = acceptance.held_back(run, problems, seen, now) if problems else plan(run, seen, now)
        return partial(self._carry_out, stored, run, seen, made, now)

    async def _carry_out(self, stored: StoredRun, run: TrainingRun, seen: Seen, made: Plan, now: datetime) -> Again | None:
        key = run.metadata.key
        if await self._applying.unheard.more(run, partial(self._world.pods_of, key, run.metadata.uid)):
            return Again(wait_s=0.0)
        await self._applying.apply(made, run, stored, seen, now, insist=self._insists(key))
        return self._again(run, made, seen)

    def _forget(self, key: Key) -> None:
        super()._forget(key)
        self._read.pop(key, None)
        self._accounts.forget(key)

    def _accepted(self, key: Key, stored: StoredRun, found: Json) -> TrainingRun:
        """The run, when it can be run here.

        It is read anew when anything in it is another, not only with its generation: a watch that is older than the definition of runs
        leaves out what is new in it, and the answer to our first write brings that to light.

        Raises:
            SpecError: with all that is to be corrected.
        """
        written, known = self._read.get(key, (b"", None))
        if known and written == stored.written:
            self._read.move_to_end(key)
            return known.model_copy(update={"status": _status(found)})
        run = from_object(found)
        assert isinstance(run, TrainingRun)
        if problems := acceptance.problems(run, self._place):
            raise SpecError(problems)
        self._read[key] = stored.written, run
        self._read.move_to_end(key)
        if len(self._read) > _MOST_READ:
            self._read.popitem(last=False)
        return run

    async def _refuse(self, key: Key, stored: StoredRun, found: Json, problems: tuple[str, ...], now: datetime) -> Again | None:
        """Say what is wrong; the run is looked at again when it is edited.

        If it has begun and cannot even be read without the fields that only a newer release knows, its workers go on by what they were
        told: neither budget nor deadline is known. But evictions are let through, so that no machine waits for an edit.
        """
        before = _status(found)
        generation = int(part(found, "metadata").get("generation", 1))
        after = acceptance.refused(before, problems, generation=generation, now=now)
        if after != before:
            say = partial(self._applying.telling.say, acceptance.told(before, after), key, stored.uid, now)
            await self._applying.writing.status(key, stored, after, say)
        self._accounts.looked(key, before, after, _budget(found))
        await self._applying.holds.let_go(key, stored.uid)
        live = any(pod.worker.live for pod in self._world.pods_of(key, stored.uid))
        return Again(wait_s=UNREAD_WAIT_S) if live else None

    def _again(self, run: TrainingRun, made: Plan, seen: Seen) -> Again | None:
        """When to look again: also when what was refused may be granted, and at once to say why it was not."""
        key = run.metadata.key
        asked_s = None if made.look_again is None else made.look_again.total_seconds()
        latest_s = None if made.at_latest is None else made.at_latest.total_seconds()
        if made.start and (allowed := self._when_allowed(run, seen.refused, asked_s)):
            return allowed
        if (waits_s := self._applying.waits_s(key)) is not None:
            return Again(wait_s=max(waits_s, FIRST_WAIT_S), turn=Turn.LULL, at_latest_s=latest_s)
        if made.unhurried and asked_s:
            return Again(wait_s=asked_s, turn=Turn.PROGRESS, at_latest_s=latest_s)
        return None if asked_s is None else Again(wait_s=asked_s)


def _budget(found: Json) -> Decimal | None:
    """The budget of a run that cannot be read, if that can be."""
    usd: object = part(found, "spec", "budget").get("usd")
    return Decimal(str(usd)) if isinstance(usd, int | float) else None


def _status(found: Json) -> RunStatus:
    return RunStatus.model_validate(part(found, "status"), by_alias=True, by_name=False)
