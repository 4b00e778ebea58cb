"""What a cluster with Tandem's chart, as it comes, would make of a run: the same manifests, or the same refusal in the same words."""

from tandem_operator.api.dual_run import DualRun
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.cli.exits import Exit, leave
from tandem_operator.plan import acceptance
from tandem_operator.plan.dual import acceptance as pair
from tandem_operator.render.manifest import Manifest
from tandem_operator.render.manifests import AS_INSTALLED, foreseen


def given(run: TrainingRun | DualRun, where: str) -> list[Manifest]:
    """What such a cluster would be given for the next attempt of `run`; `where` is the file that somebody handed in.

    Raises:
        Leave: with a line for each thing that its operator would state as NotAccepted.
    """
    if problems := _problems(run):
        leave(Exit.BAD_INPUT, *(f"{where}: {problem}" for problem in problems))
    return foreseen(run)


def _problems(run: TrainingRun | DualRun) -> tuple[str, ...]:
    site = AS_INSTALLED
    if isinstance(run, DualRun):
        return pair.problems(run, pair.Place(image=site.reasoning_image, memory=site.memory))
    return acceptance.problems(run, acceptance.Place(checkpoint_uri=site.checkpoint_uri, trainer_image=site.trainer_image))
