"""`tandem memory`: what many workers remember together, for people to look into and to look after."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from tandem_operator.cli.exits import EPILOGUE
from tandem_operator.cli.memory.asked import Other, Place, Which, expanded, moment
from tandem_operator.cli.memory.shapes import Shape
from tandem_operator.cli.show.format import Format

from .options import Output

SkipDamaged = Annotated[
    bool, typer.Option("--skip-damaged", help="Leave out, and name, what is not as it was written; it ends the command otherwise.")
]
Deadline = Annotated[float, typer.Option("--deadline", metavar="SECONDS", min=1, help="Longest wait for the service to be done.")]

app = typer.Typer(
    name="memory",
    help="Look into a shared memory, and look after it. The service itself is started by `python -m tandem_memory`.",
    epilog=EPILOGUE,
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


def search(
    place: Place,
    which: Which,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What to look for.")],
    *,
    k: Annotated[int, typer.Option("-k", min=1, max=1000, help="How many records.")] = 10,
    output: Output = Format.TABLE,
) -> None:
    """Find the records whose questions are nearest to TEXT."""
    from tandem_operator.cli.memory import looking

    looking.search(place, which, text, k, output)


def tail(
    place: Place,
    which: Which,
    *,
    beginning: Annotated[bool, typer.Option("--beginning", help="All there is first, then what comes.")] = False,
    cursor: Annotated[str, typer.Option(help="Go on where an earlier tail left off.")] = "",
    count: Annotated[int | None, typer.Option("-c", "--count", min=1, help="Leave after so many changes.")] = None,
    skip_damaged: SkipDamaged = False,
    output: Output = Format.TABLE,
) -> None:
    """Show records as they are taken in, pruned and judged, until you leave with Ctrl-C. -o json prints a line each."""
    from tandem_operator.cli.memory import looking

    looking.tail(place, which, cursor, count, output, beginning=beginning, skip_damaged=skip_damaged)


def stats(place: Place, which: Which, *, output: Output = Format.TABLE) -> None:
    """Count records, and average their scores, costs and metrics for each source."""
    from tandem_operator.cli.memory import looking

    looking.stats(place, which, output)


def namespaces(place: Place, *, output: Output = Format.TABLE) -> None:
    """List the namespaces that you may read."""
    from tandem_operator.cli.memory import looking

    looking.namespaces(place, output)


def report(
    place: Place,
    which: Which,
    *,
    save: Annotated[
        Path | None, typer.Option("--save", metavar="FILE", help="Write a page (.html) or a picture (.png, .svg) as well.")
    ] = None,
    output: Annotated[Shape, typer.Option("-o", "--output", help="How to print.")] = Shape.TABLE,
) -> None:
    """Compare the sources side by side, such as cloud and local: what each wrote and cost, and who used whose records to what gain."""
    from tandem_operator.cli.memory import reporting

    reporting.report(place, which, save, output)


def prune(
    place: Place,
    which: Which,
    *,
    keep_best: Annotated[int | None, typer.Option(min=0, help="Remove all but the best so many, by score, then utility, then age.")] = None,
    per_source: Annotated[bool, typer.Option("--per-source", help="Keep so many of each source.")] = False,
    before: Annotated[str | None, typer.Option(metavar="TIME", help="Remove what was made before.")] = None,
    harmful_after: Annotated[
        int | None, typer.Option(metavar="USES", min=1, help="Remove what was used so often, to a mean gain below zero.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, remove nothing.")] = False,
    output: Output = Format.TABLE,
) -> None:
    """Remove records that are not worth their place, for good; only among those that the filters name."""
    from tandem_operator.cli.memory import keeping

    keeping.prune(
        place,
        which,
        output,
        keep_best=keep_best,
        per_source=per_source,
        before=moment("--before", before),
        harmful_after=harmful_after,
        dry_run=dry_run,
    )


def export(
    place: Place,
    which: Which,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A .jsonl or .jsonl.gz file; - prints.")],
    *,
    vectors: Annotated[bool, typer.Option("--vectors", help="With their embeddings, as base64.")] = False,
    skip_damaged: SkipDamaged = False,
) -> None:
    """Write all records, as they are at one moment, to FILE, one a line."""
    from tandem_operator.cli.memory import moving

    moving.export(place, which, file, vectors=vectors, skip_damaged=skip_damaged)


def import_(
    place: Place,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An export, or the training_memory.pkl of older scripts.")],
) -> None:
    """Take in the records of FILE with their times and uses; those that are there already stay as they are.

    Times in a pickle that name no zone are read as UTC.
    """
    from tandem_operator.cli.memory import moving

    moving.import_(place, file)


def migrate(place: Place, other: Other) -> None:
    """Move all namespaces that you may read, or the one that -n names, into another service, and compare every record in both.

    Exit code 1 at the first that is not the same. Broken off, it goes on when it is called again.
    """
    from tandem_operator.cli.memory import migrating

    migrating.migrate(place, other)


def check(place: Place, *, deadline: Deadline = 600.0, output: Output = Format.TABLE) -> None:
    """Have the service compare every part of its store with every other. Exit code 1 if anything is not as it must be."""
    from tandem_operator.cli.memory import keeping

    keeping.check(place, output, deadline)


def backup(
    place: Place,
    uri: Annotated[str, typer.Argument(metavar="URI", help="file:///folder or s3://bucket/prefix, as the service sees it.")],
    *,
    deadline: Deadline = 600.0,
    output: Output = Format.TABLE,
) -> None:
    """Copy the whole store, as it is at one moment, to URI, while it serves."""
    from tandem_operator.cli.memory import keeping

    keeping.backup(place, uri, output, deadline)


_COMMANDS: dict[str, Callable[..., None]] = {
    "search": search,
    "tail": tail,
    "stats": stats,
    "report": report,
    "namespaces": namespaces,
    "prune": prune,
    "export": export,
    "import": import_,
    "migrate": migrate,
    "check": check,
    "backup": backup,
}
for _name, _command in _COMMANDS.items():
    app.command(_name, epilog=EPILOGUE)(expanded(_command))
