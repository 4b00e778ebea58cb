"""`tandem plan`: what would be started, how long it is and what it would cost. Starts nothing, writes nothing."""

from typing import Annotated

import typer

from tandem_operator.cli.show.format import Format

from .options import Output


def plan(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A run file (YAML or JSON); - reads standard input.")],
    *,
    name: Annotated[str | None, typer.Option(help="As if it were run under another name.")] = None,
    output: Output = Format.TABLE,
) -> None:
    """Print what `tandem run FILE` would start next, and what it would cost; start nothing."""
    from tandem_operator.cli.looking.planned import Planned, tell
    from tandem_operator.cli.run_file import training_run
    from tandem_operator.cli.show.output import dump

    planned = Planned.of(training_run(file, name))
    if output is Format.TABLE:
        tell(planned)
    else:
        dump(planned.told(), output)
