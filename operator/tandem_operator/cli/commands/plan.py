"""`tandem plan`: what would be started, how long it is and what it would cost. Starts nothing, writes nothing."""

from typing import Annotated

import typer

from tandem_operator.cli.show.format import Format

from .options import Output


def plan(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A run file (YAML or JSON); - reads standard input.")],
    *,
    name: Annotated[str | None, typer.Option(help="As if it were run under another name.")] = None,
    manifests: Annotated[
        bool, typer.Option("--manifests", help="What a cluster with Tandem's chart, as it comes, would be given instead.")
    ] = False,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="With the whole environment of each worker.")] = False,
    output: Output = Format.TABLE,
) -> None:
    """Print what `tandem run FILE` would start next, and what it would cost; start nothing."""
    from tandem_operator.api.dual_run import DualRun
    from tandem_operator.api.reading.run_file import SpecError
    from tandem_operator.cli import runs
    from tandem_operator.cli.dual import mistakes
    from tandem_operator.cli.exits import Exit, leave
    from tandem_operator.cli.looking import on_cluster, planned
    from tandem_operator.cli.run_file import told_run
    from tandem_operator.cli.show.output import dump

    try:
        if manifests:
            given = on_cluster.given(told_run(file, name, elsewhere=True), file)
            dump({"apiVersion": "v1", "kind": "List", "items": given}, Format.YAML if output is Format.TABLE else output)
            return
        told = told_run(file, name)
        runs.same_kind(told, file)
        if isinstance(told, DualRun):
            mistakes.refuse(told, file)
        made = planned.of(told)
        if output is Format.TABLE:
            made.tell(verbose=verbose)
        else:
            dump(made.told(), output)
    except SpecError as refused:
        leave(Exit.BAD_INPUT, *(f"{file}: {problem}" for problem in refused.problems))
