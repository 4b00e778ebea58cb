"""The checkpoints of a run as they are printed, newest first."""

from collections.abc import Iterator
from datetime import UTC, datetime

from tandem_objects import ObjectError

from tandem_operator.cli import runs
from tandem_operator.cli.exits import Exit, leave
from tandem_operator.cli.show import table, words
from tandem_operator.cli.show.format import Format
from tandem_operator.cli.show.output import dump
from tandem_operator.local.checkpoints import Kept, best, kept

_HEAD = ("STEP", "AGE", "SIZE", "LOSS", "ATTEMPT", "RANKS", "MANIFEST", "")


def tell(name: str, output: Format) -> None:
    """Print the checkpoints of a run."""
    folder = runs.training(name, "checkpoints")
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
        print(f"in {uri}")
        table.columns(_HEAD, _rows(found))


def _rows(found: tuple[Kept, ...]) -> Iterator[tuple[str, ...]]:
    now, lowest = datetime.now(UTC), best(found)
    for one in found:
        yield (
            str(one.step),
            words.age(one.at, now),
            words.NOTHING if one.size_bytes is None else words.size(one.size_bytes),
            words.number(one.loss, 4),
            str(one.attempt or words.NOTHING),
            str(one.ranks or words.NOTHING),
            one.uri.rpartition("/")[2],
            one.problem or ("best" if one is lowest else ""),
        )


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
