"""The local shell of a DualRun: look at what is, ask the planner what to do, do it. Everything is decided in `plan.dual`.

Only the owner of a run has one. It keeps nothing in memory that a successor needs, so it may be killed between any two instructions.
"""

from datetime import UTC, datetime

from tandem_operator.api.dual_run import DualRun
from tandem_operator.coordination import Coordination
from tandem_operator.local.shell import Looked
from tandem_operator.local.state.run_folder import DualFolder
from tandem_operator.plan.dual.dual_run import plan
from tandem_operator.plan.dual.values import DualReport, DualSeen, Role
from tandem_operator.render.dual_process import DualSite

from .apply import apply
from .machine import DualMachine, let_go, site
from .observe import observe

_LOOK_EVERY_S = 0.5  # a coordinator says how it stands twice a second


class DualShell:
    """One run, cared for by this process."""

    trouble = ""  # nothing that it can do without

    def __init__(self, folder: DualFolder) -> None:
        self._machine = DualMachine.of(folder)
        self._coordination: Coordination | None = None

    def look(self) -> Looked:
        """Look once, and do what there is to do.

        Raises:
            OSError: when the machine refuses, such as a full disk; nothing is lost, and looking again later is right.
            StateError: when the state of the run is damaged.
        """
        now, run = datetime.now(UTC), self._machine.folder.run()
        self._machine.prepare()
        here = site(self._machine.folder, run)
        seen = observe(run, self._machine, here, self._heard(), now)
        self._listen(seen, here)
        made = plan(run, seen, now)
        if made.start and not seen.live():
            here = self._settled(here, run)
        apply(made, run, seen, self._machine, site=here, now=now)
        over = made.status.phase.resting and not seen.live() and not made.start
        again_s = _LOOK_EVERY_S if made.look_again is None else min(made.look_again.total_seconds(), _LOOK_EVERY_S)
        return Looked(over=made.status.phase if over else None, again_s=max(again_s, 0.0))

    def wait(self, timeout_s: float, wakes: int) -> None:
        """Sleep until a part ends, `wakes` can be read, or time is up."""
        self._machine.workers.wait(timeout_s, wakes)

    def close(self) -> None:
        """Let go of the run. Parts that live go on."""
        if self._coordination:
            self._coordination.close()

    def _settled(self, here: DualSite, run: DualRun) -> DualSite:
        """Where parts listen that are all started now; a coordinator that was heard may be elsewhere then."""
        let_go(self._machine.folder)
        found = site(self._machine.folder, run)
        if self._coordination and found.coordinator != here.coordinator:
            self._coordination.close()
            self._coordination = None
        return found

    def _heard(self) -> DualReport | None:
        return self._coordination.newest() if self._coordination else None

    def _listen(self, seen: DualSeen, here: DualSite) -> None:
        """Hear the coordinator from its first start on; its address stays the same."""
        if self._coordination is None and any(part.role is Role.COORDINATOR for part in seen.live()):
            self._coordination = Coordination(here.coordinator, self._machine.folder.token)
