"""`tandem status`: how runs stand."""

from typing import Annotated

import typer

from tandem_operator.cli.show.format import Format

from .options import Output


def status(
    name: Annotated[str | None, typer.Argument(metavar="[RUN]", help="Name of a run; all runs when left out.")] = None,
    *,
    output: Output = Format.TABLE,
) -> None:
    """Show how RUN stands, or all runs; -o yaml prints what a cluster would hold."""
    from tandem_operator.cli import runs
    from tandem_operator.cli.exits import Exit, leave
    from tandem_operator.cli.looking import standing
    from tandem_operator.cli.show.output import dump, of_run, of_runs
    from tandem_operator.local.state.home import Home

    if name is not None:
        folder = runs.folder(name)
        if output is Format.TABLE:
            standing.tell(folder)
        else:
            dump(of_run(folder.run()), output)
        return
    folders = Home.of().runs()
    whole, damaged = standing.readable(folders)
    if output is not Format.TABLE:
        dump(of_runs([folder.run() for folder in whole]), output)
    elif folders:
        standing.tell_all(whole)
    else:
        print("no runs yet: start one with `tandem run FILE`")
    if damaged:
        leave(Exit.BAD_INPUT, *damaged)
