"""`tandem cost`: what a run has cost and will have cost."""

from tandem_operator.cli.show.format import Format

from .options import Output, RunName


def cost(name: RunName, *, output: Output = Format.TABLE) -> None:
    """Show what RUN has cost, and to its end: by attempt, 1,000 steps and a million tokens, or by lane and question."""
    from tandem_operator.cli import runs
    from tandem_operator.local.state.run_folder import DualFolder

    folder = runs.folder(name)
    if isinstance(folder, DualFolder):
        from tandem_operator.cli.dual import bill as pair

        pair.tell(folder, output)
        return
    from tandem_operator.cli.looking import bill

    bill.tell(folder, output)
