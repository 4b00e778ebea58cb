"""What `tandem prove vram` does: have it measured, show how far that is, print the table and the verdict, draw the picture."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tandem_operator.cli.exits import Exit, leave
from tandem_operator.cli.show import progress, table, words
from tandem_operator.local import proving

from . import picture, rows
from .rows import Row


def prove(asked: Sequence[str], out: Path, *, plain: bool) -> Exit:
    """One proof.

    Args:
        asked: Options, as the measurement takes them.
        out: Folder for picture and rows.
        plain: No bars.
    """
    told: dict[str, Any] = {"rows": []}
    if out.exists() and not out.is_dir():
        leave(Exit.BAD_INPUT, f"--out: {out} is no folder: name one, or one that is to be made")
    new = not out.exists()
    try:
        out.mkdir(parents=True, exist_ok=True)  # before minutes are spent on what could not be kept
    except OSError as error:
        leave(Exit.BAD_INPUT, f"--out: {out} cannot be made: {error.strerror}: name another folder")
    try:
        with proving.proving(asked) as events:
            for event in _shown(events, plain=plain):
                if "row" in event:
                    told["rows"].append(event["row"])
                else:
                    told.update(event)
    except proving.RefusedError as error:
        if new:
            out.rmdir()
        leave(Exit.BAD_INPUT, str(error))
    except proving.EndedError as error:
        leave(Exit.UNEXPECTED, str(error))
    measured = [rows.row(each) for each in told["rows"]]
    device = str(told["rows"][0]["device"])
    _print(measured, device, told["verdict"])
    _keep(measured, device, told, out)
    return Exit.DONE if told["verdict"]["flat"] else Exit.FAILED


def _shown(events: Iterator[Mapping[str, Any]], *, plain: bool) -> Iterator[Mapping[str, Any]]:
    """Events that are not about progress; for each number of experts a bar on a terminal, and a line when it is done."""
    for first in events:
        if "window" not in first:
            yield first
            continue
        experts, of = int(first["window"]["experts"]), int(first["window"]["of"])
        with progress.counting(f"{experts:,} experts: window", of, bar=False if plain else None) as counter:
            for _ in counter.passing(_windows(events, of - 1)):
                pass
        print(f"{words.number(experts)} experts: {of} windows measured", flush=True)


def _windows(events: Iterator[Mapping[str, Any]], more: int) -> Iterator[int]:
    """A number for each window, the first of which has been heard of."""
    yield 1
    for number in range(more):
        next(events)
        yield number + 2


def _print(measured: Sequence[Row], device: str, verdict: Mapping[str, Any]) -> None:
    print(f"\ndevice memory by number of experts, {device}")
    table.columns(rows.HEAD, rows.cells(measured))
    for line in rows.slopes(verdict):
        print(line)
    first, last = measured[0], measured[-1]
    if verdict["flat"]:
        print(f"flat: {first.experts:,} to {last.experts:,} experts, where all of them on the device would be {rows.size(last.resident)}")
    else:
        print(f"not flat: {verdict['faults'][0]}")


def _keep(measured: Sequence[Row], device: str, told: Mapping[str, Any], out: Path) -> None:
    """Picture and rows."""
    print(f"rows: {proving.write(out, told)}")
    path = picture.save(out / "constant_vram_proof.png", measured, device)
    print(f"picture: {path}" if path else "picture: matplotlib is not installed; install tandem-operator[pictures]")
