"""What it costs that experts lie on a disk: a step against one with experts in memory, and an expert's way there and back by other means.

Ratios of processor time on one thread, taken by turns in one run, on a disk whose pages the kernel keeps in memory as long as nobody needs
it. Bytes are those that the process caused to be written (/proc/self/io), with a sync after every pass, so that each way has to write them.

    python -m tests.bench.experts.disk [--rounds 3] [--folder FOLDER]      prints one JSON line a figure
"""

import json
import mmap
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import lmdb
import torch
from tandem_trainer.disk import DiskFile
from tandem_trainer.experts.layer import Layer
from tandem_trainer.experts.moving.disk_rows import DiskRows
from tandem_trainer.experts.moving.link import link_to
from tandem_trainer.experts.moving.mover import Mover
from tandem_trainer.experts.sizes import Room, Sizes

from tests.bench.experts.asking import Parser, at_least, folder
from tests.bench.experts.schedule import by_turns, sizes
from tests.bench.experts.ways import CLIP, RULE, Grouped, window

Figure = Mapping[str, Any]
COUNT: Final = 64
PER_EXPERT: Final = (8, 64, 256)  # tokens an expert
_CPU: Final = torch.device("cpu")
_ROOM_OF_LMDB: Final = 5  # times the rows: what copy-on-write takes before it finds pages that nobody reads any more


def main() -> None:
    """Measure and print JSON lines."""
    parser = Parser(description=__doc__)
    parser.add_argument("--rounds", type=at_least(1), default=3)
    parser.add_argument("--folder", type=folder, default=Path("/var/tmp"), help="on the disk to be measured")  # noqa: S108  # a disk, by the FHS
    asked = parser.parse_args()
    torch.set_num_threads(1)
    with parser.refusing(), tempfile.TemporaryDirectory(dir=asked.folder) as place:
        for figure in measured(Path(place), asked.rounds):
            print(json.dumps(figure), flush=True)


def measured(folder: Path, rounds: int) -> Iterator[Figure]:
    """All figures."""
    for tokens in PER_EXPERT:
        yield against_memory(sizes(COUNT), tokens, folder, rounds)
    yield from by_other_means(sizes(COUNT), folder, rounds)


def against_memory(of: Sizes, tokens: int, folder: Path, rounds: int) -> Figure:
    """A step with experts on the disk, and in memory."""
    asked = window(of, tokens * of.count // of.active, _CPU)
    on_disk_s, in_memory_s = by_turns((OnDisk(of, folder), Grouped(of, _CPU)), asked, rounds)
    return {
        "metric": "experts_step_on_disk",
        "tokens_per_expert": tokens,
        "value": round(statistics.median(on_disk_s), 4),
        "unit": "s",
        "peer": round(statistics.median(in_memory_s), 4),
        "ratio": round(statistics.median(mine / theirs for mine, theirs in zip(on_disk_s, in_memory_s, strict=True)), 3),
    }


class OnDisk(Grouped):
    """Tandem's layer with its rows on a disk."""

    def __init__(self, of: Sizes, folder: Path) -> None:
        room = Room()
        link = link_to(_CPU, room.slots)
        rows = DiskRows(of, room, link, folder)
        rows.begin(seed=0, share=1.0)
        self.mover = Mover(of, room, rows, link)
        self._layer = Layer(of, self.mover, RULE, clip=CLIP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """Ways to read the row of an expert into a buffer, to write it out of it, and to have written what was; and what it takes of a disk."""

    name: str
    read: Callable[[int], object]
    write: Callable[[int], object]
    sync: Callable[[], object]
    disk_bytes: Callable[[], int]


def by_other_means(of: Sizes, folder: Path, rounds: int) -> Iterator[Figure]:
    """Each expert there and back: through a file, as we do, through a mapped one, and through LMDB, with and without a mapping."""
    buffer = memoryview(bytearray(of.row_bytes))
    for means in (_file(of, folder, buffer), _mapped(of, folder, buffer), *_lmdb(of, folder, buffer)):
        _pass(of, means)
        began_s, began_bytes = time.process_time(), _written()
        for _ in range(rounds):
            _pass(of, means)
        passes = rounds * of.count
        yield {
            "metric": "experts_row_there_and_back",
            "means": means.name,
            "value": round((time.process_time() - began_s) / passes * 1e6, 1),
            "unit": "us",
            "written": round((_written() - began_bytes) / passes / of.row_bytes, 3),
            "disk": round(means.disk_bytes() / of.rows_bytes, 2),
        }


def _pass(of: Sizes, means: Means) -> None:
    for expert in range(of.count):
        means.read(expert)
        means.write(expert)
    means.sync()


def _file(of: Sizes, folder: Path, buffer: memoryview) -> Means:
    file, row = DiskFile(folder, of.rows_bytes), of.row_bytes
    return Means(
        name="file",
        read=lambda expert: file.read(buffer, expert * row),
        write=lambda expert: file.write(buffer, expert * row),
        sync=lambda: os.fdatasync(file.fd),
        disk_bytes=lambda: os.fstat(file.fd).st_blocks * 512,
    )


def _mapped(of: Sizes, folder: Path, buffer: memoryview) -> Means:
    file, row = DiskFile(folder, of.rows_bytes), of.row_bytes
    mapped = mmap.mmap(file.fd, of.rows_bytes)
    there = memoryview(mapped)

    def read(expert: int) -> None:
        buffer[:] = there[expert * row : (expert + 1) * row]

    def write(expert: int) -> None:
        there[expert * row : (expert + 1) * row] = buffer

    return Means(name="mapped", read=read, write=write, sync=mapped.flush, disk_bytes=lambda: os.fstat(file.fd).st_blocks * 512)


def _lmdb(of: Sizes, folder: Path, buffer: memoryview) -> Iterator[Means]:
    """One transaction a pass."""
    for mapped in (False, True):
        path = folder / f"lmdb-{mapped}"
        room = lmdb.open(str(path), map_size=_ROOM_OF_LMDB * of.rows_bytes, writemap=mapped, metasync=False)
        under_way = [room.begin(write=True, buffers=True)]

        def read(expert: int, under_way: list[Any] = under_way) -> None:
            found = under_way[0].get(b"%08d" % expert)
            buffer[:] = found or bytes(len(buffer))

        def write(expert: int, under_way: list[Any] = under_way) -> None:
            under_way[0].put(b"%08d" % expert, buffer)

        def sync(under_way: list[Any] = under_way, room: Any = room) -> None:
            under_way[0].commit()
            under_way[0] = room.begin(write=True, buffers=True)

        def disk_bytes(path: Path = path) -> int:
            return (path / "data.mdb").stat().st_blocks * 512

        yield Means(name=f"lmdb{', mapped' * mapped}", read=read, write=write, sync=sync, disk_bytes=disk_bytes)


def _written() -> int:
    lines = Path("/proc/self/io").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("write_bytes"))


if __name__ == "__main__":
    main()
