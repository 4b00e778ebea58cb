"""The local shell: look at what is, ask the planner what to do, do it. Everything is decided in `plan`.

Only the owner of a run has one. It keeps nothing in memory that a successor needs, so it may be killed between any two
instructions: whatever it had begun is on disk, and the next owner goes on from there.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from tandem_operator.api.status import RunPhase
from tandem_operator.plan.training_run import plan
from tandem_operator.plan.values import Plan

from .apply import apply
from .machine import Machine
from .observe import observe
from .state.run_folder import RunFolder

_LOOK_EVERY_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What became of a look: the phase in which nothing is left to do, if it has come to that; else when to look again."""

    over: RunPhase | None
    again_s: float


class Shell:
    """One run, cared for by this process."""

    def __init__(self, folder: RunFolder) -> None:
        self._machine = Machine.of(folder)
        self._over = False

    def look(self) -> Looked:
        """Look once, and do what there is to do.

        Raises:
            OSError: when the machine refuses, such as a full disk; nothing is lost, and looking again later is right.
            StateError: when the state of the run is damaged.
        """
        now = datetime.now(UTC)
        run = self._machine.folder.run()
        if not run.status.phase.resting:
            self._machine.hearing.keep()
        seen = observe(run, self._machine, now)
        made = plan(run, seen, now)
        apply(made, run, seen, self._machine, now)
        self._over = made.status.phase.resting and not seen.live() and not made.start
        return Looked(over=made.status.phase if self._over else None, again_s=_again_s(made))

    @property
    def trouble(self) -> str:
        """What does not work and is not needed either, in a line."""
        return self._machine.hearing.trouble

    def wait(self, timeout_s: float, wakes: int) -> None:
        """Sleep until a worker ends, `wakes` can be read, or time is up."""
        self._machine.workers.wait(timeout_s, wakes)

    def close(self) -> None:
        """Let go of the run. Workers that live go on."""
        self._machine.hearing.close(ended=self._over)


def _again_s(made: Plan) -> float:
    """When to look again: as soon as the plan asks, and often enough to hear of a change to the spec."""
    asked = made.look_again.total_seconds() if made.look_again is not None else _LOOK_EVERY_S
    return min(max(asked, 0.0), _LOOK_EVERY_S)
