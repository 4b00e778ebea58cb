"""`tandem cost`: what a run has cost and will have cost."""

from tandem_operator.cli.show.format import Format

from .options import Output, RunName


def cost(name: RunName, *, output: Output = Format.TABLE) -> None:
    """Show what RUN has cost: in all, by attempt, for 1,000 steps and a million tokens, and to its end."""
    from tandem_operator.cli.looking import bill

    bill.tell(name, output)
