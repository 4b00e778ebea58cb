"""Looking at runs, one at a time: read, plan, do it, or say what is wrong. The frame is the same for every kind of run.

What fails is looked at again, later each time, and nothing that one run does holds up the others.

A run that is being deleted is looked at for as long as somebody holds it by a finalizer: what it owns goes only after it, so its workers
would go on without an end that anybody cares for. They leave at once, unless they are to outlive it.

Nor does a defect of ours cost money without an end. Where the planner itself fails over a run, nobody knows any more what that may cost or
until when: if that lasts, its workers are asked to leave, and nothing of it is started until its spec is another, or the operator is.
"""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from pydantic import ValidationError

from tandem_operator.api.dual_run import DualRun
from tandem_operator.api.reading.run_file import SpecError
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.cluster.deeds.telling import Telling
from tandem_operator.cluster.deeds.writing import Writing
from tandem_operator.cluster.known.stored import Runs, StoredRun
from tandem_operator.cluster.kube.backoff import backoff_s
from tandem_operator.cluster.kube.document import Json, part, text
from tandem_operator.cluster.kube.errors import KubeError
from tandem_operator.cluster.kube.informer import Key
from tandem_operator.cluster.kube.lease import NotLeaderError
from tandem_operator.plan.phases import Reason
from tandem_operator.plan.values import Event, Waiting

from .queue import Queue, Turn

_log = logging.getLogger(__name__)
FIRST_WAIT_S: Final = 0.2
LONGEST_WAIT_S: Final = 60.0
UNREAD_WAIT_S: Final = 60.0
"""Between looks at a run that cannot be read, while something of it lives."""

_PATIENCE: Final = 5  # looks in a row that fail
_PATIENCE_S: Final = 60.0  # and so long, over the planner: it is told no more than what is seen and the time, and both change meanwhile
_LONGEST_DEFECT: Final = 300  # characters
_UNTIL_GONE_S: Final = 15.0  # between looks at a run that is being deleted: that a pod has not left in its time is no news of anybody's
_ORPHANS: Final = "orphan"  # the finalizer under which the garbage collector disowns what a run owns, so that it stays
_UNDECLARED: Final = "field not declared in schema"
_OLD_DEFINITION: Final = (
    ": the definition of these runs is older than this operator: `tandem crds | kubectl apply --server-side --force-conflicts -f -`"
)


class UnplannedError(Exception):
    """A defect of ours keeps what is to be done for a run from being known."""

    def __init__(self, defect: Exception) -> None:
        super().__init__(f"{type(defect).__name__}: {defect}".splitlines()[0][:_LONGEST_DEFECT])

    @property
    def sentence(self) -> str:
        """What people are told."""
        return (
            f"a defect of Tandem's ({self}) keeps this run from being cared for: its workers are asked to leave,"
            " and nothing is started until its spec is edited or the operator is started anew"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """When a run is to be looked at again, what that look may wait for then, and for how long at most."""

    wait_s: float
    turn: Turn = Turn.SOON
    at_latest_s: float | None = None


Deed = Callable[[], Awaitable[Again | None]]
"""What is to be done for a run, ready to be done; it says when to look again.

Raises:
    KubeError: when a request failed.
"""


class Hands(Protocol):
    """Who carries out what is found."""

    telling: Telling
    writing: Writing

    def forget(self, key: Key) -> None:
        """A run is gone, and all that it owned."""
        ...

    async def send_away(self, key: Key, uid: str) -> None:
        """Ask all workers of a run to leave that were not asked yet."""
        ...

    async def end(self, key: Key, uid: str) -> bool:
        """Have all workers leave of a run that is being deleted, those that it has disowned excepted; whether any have not ended yet."""
        ...


class Looking(ABC):
    """Looks at runs.

    Attributes:
        looks: How many there were.
        failed_looks: How many of them failed.
        failures: How often in a row that was so, run by run.
    """

    def __init__(self, queue: Queue, runs: Runs, now: Callable[[], datetime], hands: Hands) -> None:
        """Look at `runs`, again when `queue` says so; `now` is the time of the API server, and `hands` do what there is to do."""
        self._queue, self._runs, self._now, self._hands = queue, runs, now, hands
        self.failures: dict[Key, int] = {}
        self._unplanned_since: dict[Key, float] = {}
        self._held_up: dict[Key, tuple[_Spec, str]] = {}
        self.looks = self.failed_looks = 0

    async def look(self, key: Key) -> None:
        """Look at a run once, and do what there is to do; look again when that fails."""
        self.looks += 1
        try:
            again = await self._look(key)
        except NotLeaderError:
            again = self._later(key)
        except KubeError as error:
            again = self._failed(key, error)
        except UnplannedError as error:
            again = await self._unplanned(key, error)
        except Exception:  # noqa: BLE001 - a defect that one run brings out must not end the care for the others
            self.failed_looks += 1
            _log.exception("%s/%s: a defect of the operator's; the run is looked at again", *key)
            again = self._later(key)
        else:
            self._went_well(key)
        if again is not None:
            self._queue.add_later(key, again.wait_s, again.turn)
            if again.at_latest_s is not None:
                self._queue.add_later(key, again.at_latest_s)

    async def _look(self, key: Key) -> Again | None:
        """Do what there is to do, and say when to look again.

        Raises:
            KubeError: when a request failed.
            UnplannedError: when it cannot be known.
        """
        stored = self._runs.run(key)
        self._hands.writing.look(key, stored)
        if stored is None:
            self._forget(key)
            return None
        found, now = stored.object(), self._now()
        if text(found, "metadata", "deletionTimestamp"):
            return await self._deleted(key, stored, found)
        try:
            do = self._planned(key, stored, found, now)
        except SpecError as error:
            return await self._refuse(key, stored, found, error.problems, now)
        except Exception as defect:
            raise UnplannedError(defect) from defect
        return await do()

    async def _deleted(self, key: Key, stored: StoredRun, found: Json) -> Again | None:
        """Have what a run owns that is being deleted leave, and say when to look whether it has.

        Raises:
            KubeError: when a request failed.
        """
        finalizers: object = part(found, "metadata").get("finalizers")
        if isinstance(finalizers, list) and _ORPHANS in finalizers:
            return None
        return Again(wait_s=_UNTIL_GONE_S) if await self._hands.end(key, stored.uid) else None

    @abstractmethod
    def _planned(self, key: Key, stored: StoredRun, found: Json, now: datetime) -> Deed:
        """What is to be done for a run; of one that is not accepted (any more), what is to be ended.

        Raises:
            SpecError: when it is not accepted, and nothing of it has begun.
        """

    @abstractmethod
    async def _refuse(self, key: Key, stored: StoredRun, found: Json, problems: tuple[str, ...], now: datetime) -> Again | None:
        """Say what is wrong with a run, and when to look again.

        Raises:
            KubeError: when a request failed.
            pydantic.ValidationError: when its status cannot be read.
        """

    def _when_allowed(self, run: TrainingRun | DualRun, known: Waiting | None, asked_s: float | None) -> Again | None:
        """When to look again at a run of which something was refused: when that may be granted, and at once if it was not `known` why."""
        refusals = self._runs.refusals
        refused = refusals.get(run)
        if refused is None:
            return None
        wait_s = refusals.wait_s(run) if known == refused else 0.0
        return Again(wait_s=wait_s if asked_s is None else min(wait_s, asked_s))

    def _insists(self, key: Key) -> bool:
        """Whether looks have failed for so long that workers are stopped without the status that should come before."""
        return self.failures.get(key, 0) >= _PATIENCE

    async def _stop_paying(self, key: Key, sentence: str) -> None:
        """Ask all workers of a run to leave, and say why. May be asked for again and again.

        Raises:
            KubeError: when a request failed.
        """
        if (stored := self._runs.run(key)) is None:
            return
        found, now = stored.object(), self._now()
        new = self._hold_up(key, found, sentence)
        try:
            await self._refuse(key, stored, found, (sentence,), now)
        except ValidationError:  # of its status, which we cannot read
            self._hands.telling.say(new, key, stored.uid, now)
        finally:
            await self._hands.send_away(key, stored.uid)

    def held_up_by(self, key: Key, found: Json) -> tuple[str, ...]:
        """The defect that was brought out by a run as it is written; none any more once it is written otherwise."""
        spec, sentence = self._held_up.get(key, (None, ""))
        return (sentence,) if spec == _spec(found) else ()

    def _hold_up(self, key: Key, found: Json, sentence: str) -> tuple[Event, ...]:
        """From now on nothing is started of a run as it is written; what is to be told of that, the first time."""
        known = self.held_up_by(key, found)
        self._held_up[key] = _spec(found), sentence
        return () if known else (Event.warning(Reason.NOT_ACCEPTED, sentence),)

    def _forget(self, key: Key) -> None:
        """The run is gone, or left to another operator; the server clears away what it owns."""
        self._went_well(key)
        self._held_up.pop(key, None)
        self._runs.refusals.forget(key)
        self._hands.forget(key)

    def _went_well(self, key: Key) -> None:
        self.failures.pop(key, None)
        self._unplanned_since.pop(key, None)

    async def _unplanned(self, key: Key, error: UnplannedError) -> Again:
        """When to look again after the planner failed; by then nothing is paid for any more, if that has lasted."""
        self.failed_looks += 1
        _log.error("%s/%s: a defect of the operator's; the run is looked at again", *key, exc_info=error.__cause__)
        again, now = self._later(key), asyncio.get_running_loop().time()
        since = self._unplanned_since.setdefault(key, now)
        if self._insists(key) and now - since >= _PATIENCE_S:
            try:
                await self._stop_paying(key, error.sentence)
            except (KubeError, NotLeaderError) as refused:
                _log.warning("%s/%s: its workers could not be asked to leave: %s", *key, refused)
            except Exception:  # noqa: BLE001 - nor must this defect end the care for the others
                _log.exception("%s/%s: its workers could not be asked to leave", *key)
        return again

    def _failed(self, key: Key, error: KubeError) -> Again:
        """When to look again after a request failed."""
        if error.gone:
            _log.info("%s/%s: %s", *key, error)
        elif not error.conflict:
            if error.refused and self.failures.get(key, 0) + 1 == _PATIENCE:
                self._tell_of_refusal(key, error)
            self.failed_looks += 1
            _log.warning("%s/%s: %s (%s)%s", *key, error, error.status, _OLD_DEFINITION if _UNDECLARED in str(error) else "")
        return self._later(key)

    def _tell_of_refusal(self, key: Key, error: KubeError) -> None:
        """Say once that a run does not go on, where its status may not say it: that may be what is refused."""
        if stored := self._runs.run(key):
            said = f"the API server refuses what is to be done for the run, again and again: {error}"
            self._hands.telling.say((Event.warning("Refused", said),), key, stored.uid, self._now())

    def _later(self, key: Key) -> Again:
        failures = self.failures[key] = self.failures.get(key, 0) + 1
        return Again(wait_s=backoff_s(failures, FIRST_WAIT_S, LONGEST_WAIT_S))


_Spec = tuple[str, int]
"""A run, and how often its spec was edited."""


def _spec(found: Json) -> _Spec:
    metadata = part(found, "metadata")
    return text(metadata, "uid"), int(metadata.get("generation", 1))
