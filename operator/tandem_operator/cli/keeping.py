"""The checkpoints of a run as they are printed, newest first."""

from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table
from tandem_objects import ObjectError

from tandem_operator.local.checkpoints import Kept, best, kept

from . import runs
from .exits import Exit, leave
from .show import words
from .show.format import Format
from .show.output import dump


def tell(name: str, output: Format) -> None:
    """Print the checkpoints of a run."""
    folder = runs.folder(name)
    uri = folder.wanted().spec.checkpoint.uri or folder.checkpoints
    try:
        found = kept(uri)
    except ObjectError as error:
        leave(Exit.MACHINE, str(error))
    if output is not Format.TABLE:
        dump([_told(one, found) for one in found], output)
    elif not found:
        print(f"{name}: no checkpoint in {uri} yet")
    else:
        Console(highlight=False, soft_wrap=True).print(_table(found))


def _table(found: tuple[Kept, ...]) -> Table:
    now = datetime.now(UTC)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("STEP", "AGE", "SIZE", "LOSS", "ATTEMPT", "RANKS", "", "MANIFEST"):
        table.add_column(column, no_wrap=column != "MANIFEST", overflow="fold")
    for one in found:
        table.add_row(
            str(one.step),
            words.age(one.at, now),
            words.NOTHING if one.size_bytes is None else words.size(one.size_bytes),
            words.number(one.loss, 4),
            str(one.attempt or words.NOTHING),
            str(one.ranks or words.NOTHING),
            one.problem or ("best" if one is best(found) else ""),
            one.uri,
        )
    return table


def _told(one: Kept, found: tuple[Kept, ...]) -> dict[str, object]:
    return {
        "step": one.step,
        "attempt": one.attempt,
        "at": one.at.isoformat() if one.at else None,
        "loss": one.loss,
        "ranks": one.ranks,
        "bytes": one.size_bytes,
        "best": one is best(found),
        "uri": one.uri,
        **({"problem": one.problem} if one.problem else {}),
    }
