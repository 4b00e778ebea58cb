"""`tandem`, also installed as `kubectl-tandem`: one command for each thing that people want to know or do.

Only what is needed to understand the command line is imported here; each command imports what it does when it is called.
"""

import os
import signal
import sys
from collections.abc import Callable
from typing import Annotated

import typer

from .commands import checkpoints, control, cost, crds, distill, doctor, generate, logs, memory, plan, prove, report, run, status
from .exits import EPILOGUE, Exit, Leave
from .refusal import refusal

app = typer.Typer(
    name="tandem",
    help="Train on machines that may vanish: started by one command, killed at any moment, resumed without a lost step.",
    epilog=EPILOGUE,
    no_args_is_help=True,
    rich_markup_mode="markdown",  # paragraphs are filled, not cut where the source was
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_COMMANDS: tuple[Callable[..., None], ...] = (
    run.run,
    plan.plan,
    status.status,
    logs.logs,
    control.stop,
    control.resume,
    cost.cost,
    report.report,
    distill.distill,
    checkpoints.checkpoints,
    generate.generate,
    doctor.doctor,
    crds.crds,
)
_PRINTS_ONLY = {"plan", "status", "cost", "report", "checkpoints", "crds", "doctor", "generate", "memory"}
for _command in _COMMANDS:
    app.command(epilog=EPILOGUE)(_command)
app.add_typer(memory.app)
app.add_typer(prove.app)


def _version(asked: bool) -> None:  # noqa: FBT001 - the shape that typer calls
    if asked:
        from importlib.metadata import version

        print(f"tandem {version('tandem-operator')}")
        raise typer.Exit


@app.callback()
def tandem(
    *,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an unexpected error.")] = False,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    """Options that stand before the command."""
    del version
    if debug:
        os.environ["TANDEM_DEBUG"] = "1"


def begin() -> None:
    """Run the command line; whatever goes wrong is said in lines, and in an exit code."""
    if sys.argv[1:2] and sys.argv[1] in _PRINTS_ONLY:
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # when nobody reads on it ends as any such program does, not with an error
    try:
        app()
    except Leave as end:
        for problem in end.problems:
            _say(problem)
        sys.exit(end.code)
    except Exception as error:  # noqa: BLE001 - the last line of defence: nobody is shown a traceback who did not ask for it
        sys.exit(_unexpected(error))


def _unexpected(error: Exception) -> Exit:
    """Say an error that nobody has foreseen; those of the state and of the disk explain themselves."""
    if os.environ.get("TANDEM_DEBUG"):
        import traceback

        traceback.print_exception(error)
    if type(error).__name__ == "StateError":
        _say(str(error))
        return Exit.BAD_INPUT
    if isinstance(error, OSError):
        _say(refusal(error))
        return Exit.MACHINE
    _say(f"unexpected {type(error).__name__}: {error} (`tandem --debug ...` shows the traceback)")
    return Exit.UNEXPECTED


def _say(line: str) -> None:
    print(f"tandem: {line}", file=sys.stderr)
