"""`tandem checkpoints`: what is kept of a run, and where."""

from tandem_operator.cli.show.format import Format

from .options import Output, RunName


def checkpoints(name: RunName, *, output: Output = Format.TABLE) -> None:
    """List the checkpoints of RUN: step, age, size, loss, address."""
    from tandem_operator.cli.looking import keeping

    keeping.tell(name, output)
