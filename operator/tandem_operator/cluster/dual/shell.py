"""The cluster shell for DualRuns: look at what is, ask the planner what to do, do it. Everything is decided in `plan/dual`."""

from datetime import UTC, datetime
from typing import Final

from tandem_operator.api.dual_run import DualRun
from tandem_operator.api.dual_status import DualRunStatus
from tandem_operator.api.reading.run_file import SpecError, from_object
from tandem_operator.cluster.kube.document import Json, part, text
from tandem_operator.cluster.kube.informer import Key
from tandem_operator.cluster.looking import Again, Looking
from tandem_operator.cluster.queue import Queue
from tandem_operator.cluster.stored import StoredRun
from tandem_operator.plan.dual import acceptance
from tandem_operator.plan.dual.dual_run import plan
from tandem_operator.plan.dual.values import DualPlan, DualSeen

from .applying import Applying
from .hearing import Hearing
from .world import DualWorld

_PATIENCE: Final = 5  # failed looks in a row after which parts are stopped without the status that should come before
_UNREAD_WAIT_S: Final = 60.0


class DualShell(Looking):
    """All DualRuns of a cluster, cared for by this process."""

    def __init__(self, world: DualWorld, queue: Queue, applying: Applying, hearing: Hearing, place: acceptance.Place) -> None:
        """Care for the runs of `world`, for each when `queue` says so."""
        super().__init__(queue)
        self._world, self._applying, self._hearing, self._place = world, applying, hearing, place

    async def _look(self, key: Key) -> Again | None:
        stored = self._world.run(key)
        if stored is None:
            self.failures.pop(key, None)
            self._hearing.forget(key)
            return None
        found, now = stored.object(), datetime.now(UTC)
        if text(found, "metadata", "deletionTimestamp"):
            return None
        try:
            run = from_object(found)
        except SpecError as error:
            return await self._refuse(key, stored, found, error.problems, now)
        assert isinstance(run, DualRun)
        problems = acceptance.problems(run, self._place)
        if problems and not run.status.attempt:
            return await self._refuse(key, stored, found, problems, now)
        seen = self._seen(run, key, now)
        made = plan(run, seen, now)
        made = acceptance.held_back(made, run, problems, now) if problems else acceptance.accepted(made, run, now)
        await self._applying.apply(made, run, stored, now, insist=self.failures.get(key, 0) >= _PATIENCE)
        return self._again(run, made, seen)

    def _seen(self, run: DualRun, key: Key, now: datetime) -> DualSeen:
        parts = tuple(self._world.part(pod, now) for pod in self._world.pods_of(key, run.metadata.uid))
        under_way = any(part.live for part in parts)
        return DualSeen(
            parts=parts,
            report=self._hearing.newest(run, under_way=under_way),
            memory_offered=self._place.memory is not None,
            refused=self._world.refusals.get(key),
            token=self._hearing.token(run),
        )

    def _again(self, run: DualRun, made: DualPlan, seen: DualSeen) -> Again | None:
        """When to look again: also when what was refused may be granted, and at once to say why it was not."""
        key = (run.metadata.namespace, run.name)
        asked_s = None if made.look_again is None else made.look_again.total_seconds()
        refused = self._world.refusals.get(key) if made.start else None
        if refused:
            wait_s = self._world.refusals.wait_s(run) if seen.refused == refused else 0.0
            return Again(wait_s=wait_s if asked_s is None else min(wait_s, asked_s))
        return None if asked_s is None else Again(wait_s=asked_s)

    async def _refuse(self, key: Key, stored: StoredRun, found: Json, problems: tuple[str, ...], now: datetime) -> Again | None:
        """Say what is wrong; the run is looked at again when it is edited. What lives of it goes on by what it was told."""
        before = DualRunStatus.model_validate(part(found, "status"), by_alias=True, by_name=False)
        after = acceptance.refused(before, problems, generation=int(part(found, "metadata").get("generation", 1)), now=now)
        if after != before:
            await self._applying.writing.status(key, stored, after)
            self._applying.telling.say(acceptance.told(before, after), key, stored.uid, now)
        live = any(pod.part.exit_code is None for pod in self._world.pods_of(key, stored.uid))
        return Again(wait_s=_UNREAD_WAIT_S) if live else None
