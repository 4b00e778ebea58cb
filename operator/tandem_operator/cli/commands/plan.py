"""`tandem plan`: what would be started, how long it is and what it would cost. Starts nothing, writes nothing."""

from typing import Annotated

import typer

from tandem_operator.cli.show.format import Format

from .options import Output


def plan(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A run file (YAML or JSON); - reads standard input.")],
    *,
    name: Annotated[str | None, typer.Option(help="As if it were run under another name.")] = None,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="With the whole environment of each worker.")] = False,
    output: Output = Format.TABLE,
) -> None:
    """Print what `tandem run FILE` would start next, and what it would cost; start nothing."""
    from tandem_operator.api.reading.run_file import SpecError
    from tandem_operator.cli.exits import Exit, leave
    from tandem_operator.cli.looking.planned import Planned, tell
    from tandem_operator.cli.run_file import training_run
    from tandem_operator.cli.show.output import dump

    try:
        planned = Planned.of(training_run(file, name))
    except SpecError as refused:
        leave(Exit.BAD_INPUT, *(f"{file}: {problem}" for problem in refused.problems))
    if output is Format.TABLE:
        tell(planned, verbose=verbose)
    else:
        dump(planned.told(), output)
