"""A memory on its way to a file and back: `export`, `import`."""

import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tandem_operator.cli.exits import Exit, leave
from tandem_operator.cli.show import progress, words

from . import told
from .asked import Place, Which
from .speaking import speaking

if TYPE_CHECKING:
    from tandem.memory.v1.memory_pb2 import Record
    from tandem_memory.client import Imported, Memory
    from tandem_memory.transfer.files import Contents

_LINES, _PICKLES = (".jsonl", ".jsonl.gz", ".json.gz"), (".pkl", ".pickle")


def export(place: Place, which: Which, file: Path, *, vectors: bool, skip_damaged: bool) -> None:
    """Write all records that match to a file, or to standard output; each that is damaged is named, if it is to be left out."""
    printed = str(file) == "-"
    if not printed and not file.name.endswith(_LINES):
        leave(Exit.BAD_INPUT, f"{file}: ends in none of {', '.join(_LINES)}; exports are JSON lines, or - for standard output")
    from tandem_memory.transfer import files

    with speaking(place) as memory:
        where = which.filter()
        total = None if skip_damaged else memory.stats(where).records  # which looks at every record
        with progress.counting("exporting", total) as counter:
            made = _Made()
            left_out = told.left_out if skip_damaged else None
            records = counter.passing(memory.export(where, with_vectors=vectors, on_damaged=left_out, on_embedding=made.hear))
            if printed:
                files.pour(sys.stdout.buffer, records, with_vectors=vectors, embedding=made.by)
                sys.stdout.buffer.flush()
                return
            try:
                count = files.write(file, records, with_vectors=vectors, embedding=made.by)
            except OSError as error:  # names a file beside it, which is written first
                leave(Exit.MACHINE, f"{file}: {error.strerror or error}; give a file that can be written")
    print(f"{words.number(count)} records in {file}")


def import_(place: Place, file: Path) -> None:
    """Take in a file; it is read to its end before the first record is sent, so that a line that is no record changes nothing.

    What only the service can refuse (a score of 2) may come late; the records before it stay, which is said, and are not doubled by another
    import of the mended file.
    """
    if not place.namespace:
        leave(Exit.BAD_INPUT, "--namespace: absent; name the one that the records belong to, it may be a new one")
    with speaking(place) as memory:
        found, records = _read(file)
        with progress.counting("importing", found.records) as counter:
            done = _taken(memory, file, counter.passing(records), found.embedding)
    print(f"{words.number(done.taken)} taken in, {words.number(done.known)} were there already")


def _taken(memory: "Memory", file: Path, records: "Iterator[Record]", embedding: str) -> "Imported":
    """What became of the records; one that the service refuses is named by its line, too."""
    from tandem_memory.client import RefusedError
    from tandem_memory.transfer import MistakeError, files

    try:
        return memory.import_(records, embedding=embedding)
    except RefusedError as error:
        if error.place is None or not file.name.endswith(_LINES):
            raise
        with suppress(OSError, MistakeError, StopIteration):  # another file by now
            leave(Exit.BAD_INPUT, f"{file}:{files.line_of(file, error.place)}: {error}")
        raise


class _Made:
    """What made vectors that are on their way."""

    def __init__(self) -> None:
        self._by = ""

    def hear(self, embedding: str) -> None:
        self._by = embedding

    def by(self) -> str:
        return self._by


def _read(file: Path) -> "tuple[Contents, Iterator[Record]]":
    try:
        return _records(file)
    except OSError as error:
        leave(Exit.BAD_INPUT, f"{file}: {error.strerror or error}; give an export, or the training_memory.pkl of older scripts")


def _records(file: Path) -> "tuple[Contents, Iterator[Record]]":
    """What a file holds, and the records; all of them were looked at when this returns."""
    from tandem_memory.transfer import files, seed

    if file.name.endswith(_PICKLES):
        found = seed.read(file)
        for name, count in found.left_out.items():
            print(f"{file}: {told.clean(name)}: has no place in a record; left out of {count}", file=sys.stderr)
        return files.Contents(records=len(found.records), embedding=""), iter(found.records)
    if not file.name.endswith(_LINES):
        leave(Exit.BAD_INPUT, f"{file}: ends in none of {', '.join((*_LINES, *_PICKLES))}; give JSON lines, or the pickle of older scripts")
    return files.contents(file), files.read(file)
