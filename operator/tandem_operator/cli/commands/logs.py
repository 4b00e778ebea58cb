"""`tandem logs`: what a worker printed."""

from typing import Annotated

import typer

from .options import RunName


def logs(
    name: RunName,
    *,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on printing until the run has ended.")] = False,
    attempt: Annotated[int | None, typer.Option(min=1, help="Which attempt; the last one when left out.")] = None,
    worker: Annotated[int, typer.Option(min=0, help="Which worker of the attempt; worker 0 speaks for all.")] = 0,
) -> None:
    """Print the log of a worker of RUN. With -f, later attempts follow."""
    from tandem_operator.cli.looking import logbook

    logbook.tell(name, attempt=attempt, worker=worker, follow=follow)
