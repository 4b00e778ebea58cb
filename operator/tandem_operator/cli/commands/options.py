"""Arguments and options that several commands have."""

from typing import Annotated

import typer

from tandem_operator.cli.show.format import Format

RunName = Annotated[str, typer.Argument(metavar="RUN", help="Name of the run.")]
Output = Annotated[Format, typer.Option("-o", "--output", help="How to print.")]
Plain = Annotated[bool, typer.Option("--plain", help="Plain lines even on a terminal.")]
