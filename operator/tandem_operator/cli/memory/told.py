"""Records and changes as they are printed: a line for people, the fields of an export for programs."""

import json
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from tandem_operator.cli.show import words

if TYPE_CHECKING:
    from tandem_memory.client import Change, Record
    from tandem_memory.client.answers import Finding


def record(each: "Record") -> dict[str, object]:
    """A record for programs: the fields of an export's line, without its vector."""
    from tandem_memory.transfer import lines

    return json.loads(lines.line(each.message()))


def change(what: "Change") -> dict[str, object]:
    """A change for programs."""
    from tandem_memory.client import Judged, Pruned

    match what:
        case Pruned():
            return {"pruned": {"ids": list(what.ids)}}
        case Judged():
            return {"judged": {"id": what.id, "gain": what.gain, "source": what.source}}
        case _:
            return {"appended": record(what)}


def line(what: "Change") -> str:
    """A change for people."""
    from tandem_memory.client import Judged, Pruned

    match what:
        case Pruned():
            return f"pruned    {len(what.ids)} records: {', '.join(what.ids[:5])}{', ...' if len(what.ids) > 5 else ''}"  # noqa: PLR2004 - a line's worth
        case Judged():
            return f"judged    {what.id}: {what.gain:+g} for {clean(what.source)}"
        case _:
            at = words.clock(what.appended_at) if what.appended_at else words.NOTHING
            answer = f" -> {clean(what.answer)}" if what.answer else ""
            return f"{at}  {clean(what.source) or words.NOTHING:<12} {words.number(what.score, 2):>5}  {clean(what.question)}{answer}"


def metrics(figures: Mapping[str, float]) -> str:
    """Metrics in a row, as the first scripts printed them."""
    return ", ".join(f"{clean(name)}={value:.3g}" for name, value in sorted(figures.items()))


def clean(text: str) -> str:
    """A text on one line, without anything that a terminal would take for a command: models wrote it."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def fitting(text: str) -> str:
    """A line as wide as the terminal; whole when it goes into a pipe or a file."""
    if not sys.stdout.isatty():
        return text
    import shutil

    width = shutil.get_terminal_size().columns
    return text if len(text) <= width else f"{text[: width - 1]}…"


def left_out(finding: "Finding") -> None:
    """Name what is passed over, on standard error."""
    print(f"left out: {clean(finding.where)}: {clean(finding.what)}", file=sys.stderr)
