"""What a person has to put right before a DualRun can start; found before anything is started or put aside."""

from tandem_operator.api.dual_run import DualRun
from tandem_operator.cli.exits import Exit, leave
from tandem_operator.local.dual import questions
from tandem_operator.local.dual.apply import missing_keys
from tandem_operator.plan.dual import acceptance
from tandem_operator.render.manifests import AS_INSTALLED


def refuse(run: DualRun, where: str) -> None:
    """Leave with a line for each mistake that keeps `run` from this machine; `where` is the file or run that somebody handed in.

    Raises:
        Leave: for keys that are not set, and for a question set that cannot be used.
    """
    found = (*(f"{where}: {problem}" for problem in missing_keys(run)), *questions.mistakes(run))
    if found:
        leave(Exit.BAD_INPUT, *found)


def refuse_on_cluster(run: DualRun, where: str) -> None:
    """Leave with a line for each reason why a cluster with Tandem's chart, as it comes, would start nothing of `run`.

    Raises:
        Leave: for what its operator would state as NotAccepted.
    """
    place = acceptance.Place(image=AS_INSTALLED.reasoning_image, memory=AS_INSTALLED.memory)
    if problems := acceptance.problems(run, place):
        leave(Exit.BAD_INPUT, *(f"{where}: {problem}" for problem in problems))
