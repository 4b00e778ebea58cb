"""What a person has to put right before a DualRun can start; found before anything is started or put aside."""

from tandem_operator.api.dual_run import DualRun
from tandem_operator.cli.exits import Exit, leave
from tandem_operator.local.dual import questions
from tandem_operator.local.dual.apply import missing_keys, missing_programs


def refuse(run: DualRun, where: str) -> None:
    """Leave with a line for each mistake that keeps `run` from this machine; `where` is the file or run that somebody handed in.

    Raises:
        Leave: for keys that are not set, servers that are not installed, and a question set that cannot be used.
    """
    found = (*(f"{where}: {problem}" for problem in (*missing_keys(run), *missing_programs(run))), *questions.mistakes(run))
    if found:
        leave(Exit.BAD_INPUT, *found)
