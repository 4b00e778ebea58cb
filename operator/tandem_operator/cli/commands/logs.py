"""`tandem logs`: what a worker printed."""

from typing import Annotated

import typer

from .options import RunName


def logs(
    name: RunName,
    *,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on printing until the run has ended.")] = False,
    attempt: Annotated[int | None, typer.Option(min=1, help="Which attempt; the last one when left out.")] = None,
    worker: Annotated[int | None, typer.Option(min=0, help="Which worker of the attempt; worker 0 speaks for all.")] = None,
    part: Annotated[str | None, typer.Option(help="Which part of a DualRun, such as worker-0 or engine-1; its coordinator.")] = None,
) -> None:
    """Print the log of a worker, or part, of RUN. With -f, later attempts, or starts, follow."""
    from tandem_operator.cli import runs
    from tandem_operator.cli.exits import Exit, leave
    from tandem_operator.local.state.run_folder import DualFolder

    folder = runs.folder(name)
    if isinstance(folder, DualFolder):
        from tandem_operator.cli.dual import logbook as pair

        if worker is not None or attempt is not None:
            leave(Exit.BAD_INPUT, f"{name}: is a DualRun: name one of its parts instead, such as --part worker-{worker or 0}")
        pair.tell(folder, part or pair.COORDINATOR, follow=follow)
        return
    from tandem_operator.cli.looking import logbook

    if part is not None:
        leave(Exit.BAD_INPUT, f"{name}: is a TrainingRun, which has no part {part}: name one of its workers instead, such as --worker 0")
    logbook.tell(folder, attempt=attempt, worker=worker or 0, follow=follow)
