"""`tandem run`: start a run, go on with it, or watch it; whichever is left to do."""

from typing import Annotated

import typer

from .options import Plain


def run(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A run file (YAML or JSON); - reads standard input.")],
    *,
    name: Annotated[str | None, typer.Option(help="Run it under another name.")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Put a run of that name aside, checkpoints and all, and begin anew.")] = False,
    plain: Plain = False,
) -> None:
    """Train, or have answered, what FILE describes, on this machine.

    The same command goes on with a run that was stopped or killed, at the step after its last checkpoint or with the questions that
    are left; a second one watches the first and takes over when it dies. Ctrl-C saves a checkpoint and stops.

    Workers get only those environment variables that training needs (`PATH`, `HOME`, `CUDA_*`, `AWS_*`, `TANDEM_S3_*` and
    the like); name others in `TANDEM_PASS`, such as `TANDEM_PASS=WANDB_*`. State is kept in `$TANDEM_STATE`, by default in
    the user's state folder; prepared data in `$TANDEM_CACHE`. Workers run under `$TANDEM_PYTHON`, by default the Python
    that runs this.
    """
    from tandem_operator.cli.running import run_file

    raise typer.Exit(run_file(file, name=name, fresh=fresh, plain=plain))
