"""`tandem prove`: claims that anybody can check, measured on the machine at hand."""

from pathlib import Path
from typing import Annotated

import typer

from tandem_operator.cli.exits import EPILOGUE

from .options import Plain

app = typer.Typer(
    name="prove",
    help="Measure on this machine what Tandem claims.",
    epilog=EPILOGUE,
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


@app.callback()
def prove() -> None:
    """Measure on this machine what Tandem claims."""


@app.command(epilog=EPILOGUE)
def vram(
    *,
    experts: Annotated[str, typer.Option(help="How many experts there are, in turn; three numbers or more.")] = "8,16,32,64,128,1024",
    active: Annotated[int, typer.Option(min=1, help="Experts that see each token.")] = 2,
    width: Annotated[int, typer.Option(min=2, help="Width of the stream that experts read.")] = 128,
    inner: Annotated[int, typer.Option(min=1, help="Width inside an expert.")] = 256,
    windows: Annotated[int, typer.Option(min=2, help="Windows that are measured, after 20 to warm up.")] = 300,
    out: Annotated[Path, typer.Option(help="Folder for constant_vram_proof.png and .json.")] = Path("outputs"),
    plain: Plain = False,
) -> None:
    """Prove that device memory does not grow with the number of experts, or find that it does: then the exit code is 1.

    The experts trainer's own layer, slots and mover learn with each number of experts, a process each. After every window it is asked
    how much of the device is in use: torch's allocator on a card (CUDA or ROCm); without one every tensor that would lie on a card is
    counted. It fails when the allocator asks for more after warm-up, when what is in use between windows varies by more than
    0.1 %, or when memory grows with the number of experts by more than the router explains.
    """
    from tandem_operator.cli.proof import running

    options = {"experts": experts, "active": active, "width": width, "inner": inner, "windows": windows}
    raise typer.Exit(running.prove([word for name, value in options.items() for word in (f"--{name}", str(value))], out, plain=plain))
