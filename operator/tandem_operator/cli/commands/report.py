"""`tandem report`: what a DualRun came to."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from .options import RunName


def report(
    name: RunName,
    *,
    save: Annotated[
        Path | None, typer.Option(help="Folder for report.html, report.json and answers.csv; the run's own when left out.")
    ] = None,
) -> None:
    """Write the report of DualRun RUN as it stands now, and print what it says in short."""
    from tandem_operator.cli import runs
    from tandem_operator.cli.exits import Exit, leave
    from tandem_operator.local.dual import report as reporting
    from tandem_operator.local.state.run_folder import DualFolder

    folder = runs.folder(name)
    if not isinstance(folder, DualFolder):
        leave(Exit.BAD_INPUT, f"{name}: is a TrainingRun: `tandem status {name}` and `tandem cost {name}` say what it came to")
    try:
        made = reporting.write(folder, save)
    except reporting.ReportDefectError as error:
        if os.environ.get("TANDEM_DEBUG"):
            print(error.printed, file=sys.stderr)
        leave(Exit.UNEXPECTED, f"{name}: its report was not written: {error} (`tandem --debug report {name}` shows the traceback)")
    except reporting.ReportError as error:
        leave(Exit.BAD_INPUT, str(error))
    print("\n".join((*made.verdict, f"report: {made.page}")))
