"""The cluster shell for DualRuns: look at what is, ask the planner what to do, do it. Everything is decided in `plan/dual`."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Final

from tandem_operator.api.dual_run import DualRun
from tandem_operator.api.dual_status import DualRunStatus
from tandem_operator.api.reading.run_file import SpecError, as_far_as_known, from_object
from tandem_operator.cluster.known.stored import StoredRun
from tandem_operator.cluster.kube.document import Json, part
from tandem_operator.cluster.kube.informer import Key
from tandem_operator.cluster.turns.looking import UNREAD_WAIT_S, Again, Deed, Looking
from tandem_operator.cluster.turns.queue import Queue
from tandem_operator.plan.dual import acceptance
from tandem_operator.plan.dual.dual_run import plan
from tandem_operator.plan.dual.values import DualPlan, DualSeen

from .applying import Applying
from .hearing import Hearing
from .world import DualWorld

_UNHEARD_WAIT_S: Final = 10.0  # until it is tried again to listen to a coordinator; all that is missing meanwhile is how the run stands


class DualShell(Looking):
    """All DualRuns of a cluster, cared for by this process."""

    def __init__(
        self,
        world: DualWorld,
        queue: Queue,
        now: Callable[[], datetime],
        *,
        applying: Applying,
        hearing: Hearing,
        place: acceptance.Place,
    ) -> None:
        """Care for the runs of `world`, for each when `queue` says so; `now` is the time of the API server."""
        super().__init__(queue, world, now, applying)
        self._world, self._applying, self._hearing, self._place = world, applying, hearing, place

    def _planned(self, key: Key, stored: StoredRun, found: Json, now: datetime) -> Deed:
        run, problems = self._as_far_as_read(found)
        problems = (*problems, *self.held_up_by(key, found))
        if problems and not run.status.attempt:
            raise SpecError(problems)
        seen = self._seen(run, key)
        made = acceptance.held_back(run, problems, seen, now) if problems else acceptance.accepted(plan(run, seen, now), run, now)
        return partial(self._carry_out, stored, run, seen, made, now)

    def _as_far_as_read(self, found: Json) -> tuple[DualRun, tuple[str, ...]]:
        """A run, and what is to be corrected in it.

        Raises:
            SpecError: with that, when it cannot be read even without the fields that only a newer release knows.
        """
        try:
            run = from_object(found)
        except SpecError as error:
            if known := as_far_as_known(found, DualRun):
                return known, error.problems
            raise
        assert isinstance(run, DualRun)
        return run, acceptance.problems(run, self._place)

    async def _carry_out(self, stored: StoredRun, run: DualRun, seen: DualSeen, made: DualPlan, now: datetime) -> Again | None:
        key = run.metadata.key
        if await self._applying.unheard.more(run, partial(self._world.pods_of, key, run.metadata.uid)):
            return Again(wait_s=0.0)
        if seen.live() and not self._hearing.listen(run, plaintext=self._world.plaintext(key, run.metadata.uid)):
            self._queue.add_later(key, _UNHEARD_WAIT_S)
        await self._applying.apply(made, run, stored, now, insist=self._insists(key))
        if not seen.live():
            self._hearing.forget(key)  # not before its last word is written
        return self._again(run, made, seen)

    def _seen(self, run: DualRun, key: Key) -> DualSeen:
        parts = tuple(self._world.part(pod) for pod in self._world.pods_of(key, run.metadata.uid))
        return DualSeen(
            parts=parts,
            report=self._hearing.newest(run),
            memory_offered=self._place.memory is not None,
            refused=self._world.refusals.get(run),
            credentials=self._hearing.digest(run),
        )

    def _again(self, run: DualRun, made: DualPlan, seen: DualSeen) -> Again | None:
        asked_s = None if made.look_again is None else made.look_again.total_seconds()
        if made.start and (allowed := self._when_allowed(run, seen.refused, asked_s)):
            return allowed
        return None if asked_s is None else Again(wait_s=asked_s)

    def _forget(self, key: Key) -> None:
        super()._forget(key)
        self._hearing.forget(key)

    async def _refuse(self, key: Key, stored: StoredRun, found: Json, problems: tuple[str, ...], now: datetime) -> Again | None:
        """Say what is wrong; the run is looked at again when it is edited. What lives of it goes on by what it was told."""
        before = DualRunStatus.model_validate(part(found, "status"), by_alias=True, by_name=False)
        after = acceptance.refused(before, problems, generation=int(part(found, "metadata").get("generation", 1)), now=now)
        if after != before:
            say = partial(self._applying.telling.say, acceptance.told(before, after), key, stored.uid, now)
            await self._applying.writing.status(key, stored, after, say)
        live = any(pod.part.exit_code is None for pod in self._world.pods_of(key, stored.uid))
        return Again(wait_s=UNREAD_WAIT_S) if live else None
