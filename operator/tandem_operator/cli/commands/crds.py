"""`tandem crds`: the CustomResourceDefinitions for a cluster."""

from pathlib import Path
from typing import Annotated

import typer


def crds(
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Write a file for each instead of printing.")] = None,
) -> None:
    """Print the CustomResourceDefinitions of TrainingRun and DualRun, or write them into DIR."""
    from tandem_operator.api.definitions.crd import crds as definitions

    made = definitions()
    if out is None:
        print("---\n".join(made.values()), end="")
        return
    out.mkdir(parents=True, exist_ok=True)
    for name, text in made.items():
        (out / name).write_text(text, encoding="utf-8")
        print(out / name)
