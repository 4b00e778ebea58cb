"""How a DualRun is cared for: its shell, the words for stopping it, and how it ends."""

from tandem_operator.api.dual_status import DualRunStatus
from tandem_operator.api.status import RunPhase
from tandem_operator.cli.care import Caring, at_once
from tandem_operator.cli.exits import Exit
from tandem_operator.local.dual.shell import DualShell
from tandem_operator.local.state.run_folder import DualFolder


class DualCare:
    """How a DualRun is cared for."""

    leaving = "finish what is under way, then stop"
    stopping = "workers finish the calls under way and give their questions back"

    def __init__(self, folder: DualFolder) -> None:
        self._folder = folder

    def caring(self) -> Caring:
        """Its shell."""
        return DualShell(self._folder)

    def still_stopping(self, status: DualRunStatus) -> str:
        """A call may take long; what was answered is in the books already."""
        return f"{status.done} of {status.total} questions are in the books, and calls under way get 25 s. {at_once()}"

    def ended(self, status: DualRunStatus) -> Exit:
        """Questions that were given up make a run fail for scripts, though all others are answered."""
        return ended(status)


def ended(status: DualRunStatus) -> Exit:
    """The exit code of a run in which nothing is left to do."""
    match status.phase:
        case RunPhase.SUCCEEDED:
            return Exit.FAILED if status.failed else Exit.DONE
        case RunPhase.FAILED:
            return Exit.FAILED
        case _:
            return Exit.STOPPED
