"""What the API server would not have, run by run, and when each may be asked for again: later each time.

An edit or another attempt asks for something else, and is tried at once. What is left of an earlier run goes soon, and nobody tells us.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import monotonic
from typing import Final, TypeVar

from tandem_operator.api.dual_run import DualRun
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.cluster.kube.backoff import backoff_s
from tandem_operator.cluster.kube.informer import Key
from tandem_operator.plan.values import Tier, Waiting

_FIRST_WAIT_S: Final = 5.0
_LONGEST_WAIT_S: Final = 60.0
_TAKEN_WAIT_S: Final = 1.0

_Asked = tuple[str, int, int]
_Part = TypeVar("_Part")
_Run = TypeVar("_Run", TrainingRun, DualRun)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Refusal:
    waiting: Waiting
    asked: _Asked
    times: int
    until: float


class Refusals:
    """The refusals that hold."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        """Begin with none; `clock` gives seconds."""
        self._clock = clock
        self._of: dict[Key, _Refusal] = {}

    async def heed(
        self, wanted: tuple[_Part, ...], run: _Run, start: Callable[[tuple[_Part, ...], _Run], Awaitable[Waiting | None]]
    ) -> None:
        """Have all that is `wanted` of a run started, unless that was refused and may not be asked for again yet.

        Raises:
            KubeError: when `start` does.
        """
        if wanted and self.wait_s(run):
            return
        if wanted and (refused := await start(wanted, run)):
            self.put(run, refused)
        else:
            self.forget(run.metadata.key)

    def get(self, run: TrainingRun | DualRun) -> Waiting | None:
        """What a run waits for, if it was refused; this one, and no other of its name."""
        refusal = self._of.get(run.metadata.key)
        return refusal.waiting if refusal and refusal.asked[0] == run.metadata.uid else None

    def wait_s(self, run: TrainingRun | DualRun) -> float:
        """For how long this very attempt of this very spec is not to be asked for again; 0 when it may be."""
        refusal = self._of.get(run.metadata.key)
        return max(0.0, refusal.until - self._clock()) if refusal and refusal.asked == _asked(run) else 0.0

    def put(self, run: TrainingRun | DualRun, waiting: Waiting) -> None:
        """A run was refused, and not for the first time perhaps."""
        key, asked = run.metadata.key, _asked(run)
        before = self._of.get(key)
        times = before.times if before and before.asked == asked else 0
        if waiting.tier is Tier.START:
            wait_s = _TAKEN_WAIT_S
        else:
            times += 1
            wait_s = backoff_s(times, _FIRST_WAIT_S, _LONGEST_WAIT_S)
        self._of[key] = _Refusal(waiting=waiting, asked=asked, times=times, until=self._clock() + wait_s)

    def forget(self, key: Key) -> None:
        """The run was not refused, or is gone."""
        self._of.pop(key, None)


def _asked(run: TrainingRun | DualRun) -> _Asked:
    return run.metadata.uid, run.metadata.generation, max(run.status.attempt, 1)  # the first is asked for before it is written
