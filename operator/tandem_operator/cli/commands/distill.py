"""`tandem distill`: teach the local lane what the cloud lane had to answer."""

from pathlib import Path
from typing import Annotated

import typer

from .options import Plain, RunName


def distill(
    name: RunName,
    *,
    min_samples: Annotated[int, typer.Option(min=1, help="Answers of the cloud lane that must teach something.")] = 300,
    learning_rate: Annotated[
        float | None, typer.Option(min=1e-8, max=1.0, help="Of the training; less learns less. By the width of the model when left out.")
    ] = None,
    save: Annotated[Path | None, typer.Option(help="Folder for the taught model; the run's own when left out.")] = None,
    plain: Plain = False,
) -> None:
    """Teach the local model of DualRun RUN what the cloud lane answered for it, and promote the taught model if it is better.

    A fifth of the questions is kept back. From the others the local model learns what the cloud lane had to answer, and rehearses as
    many that it answers rightly by itself; a class that the cloud lane mostly answers wrongly is not taught. As many again, that nobody
    asked, are made of the beginnings and ends of those that it knows: what it says to them before is rehearsed, too, so that it does not
    forget what was never asked. Both models then answer what was kept back. The taught one is promoted if it gains two points or more
    that are no luck, and no class of questions loses more than two; else it is rejected, and the exit code is 1.

    A class of fewer than fifty questions cannot show two points: it is judged by whether it lost more than chance explains, and
    together with the other small ones. Between what the change of a class lies is told beside it.

    Right is the answer that the question set has or, without one, the cloud lane's, or what all local experts agreed on. The
    same command goes on where it was stopped.
    """
    from tandem_operator.cli import runs
    from tandem_operator.cli.exits import Exit, leave
    from tandem_operator.local.state.run_folder import DualFolder

    folder = runs.folder(name)
    if not isinstance(folder, DualFolder):
        leave(Exit.BAD_INPUT, f"{name}: is a TrainingRun, which has no lanes: name a DualRun")
    from tandem_operator.cli.dual import distilling

    raise typer.Exit(distilling.distill(folder, least=min_samples, learning_rate=learning_rate, save=save, plain=plain))
