"""Just enough of ELF to read what a shared library asks of others, and to cut out of it what is not wanted.

After the System V gABI, chapters 4 and 5: sections are what linkers and debuggers see, segments what the loader sees.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
SEGMENT = struct.Struct("<IIQQQQQQ")
SECTION = struct.Struct("<IIQQQQIIQQ")
SYMBOL = struct.Struct("<IBBHQQ")
DYNAMIC = struct.Struct("<qQ")
PAGE = 0x1000
LOAD, NOTE = 1, 4  # types of segments
NEEDED = 1  # an entry of the dynamic section
_PHOFF, _SHOFF, _PHNUM, _SHNUM, _SHSTRNDX = 5, 6, 10, 12, 13  # fields of the header
_DYNAMIC_SECTION, _DYNSYM = 6, 11


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of the file, and where the loader puts it. What memory has beyond the file's bytes is zero."""

    type: int
    flags: int
    offset: int
    address: int
    physical: int
    file_bytes: int
    memory_bytes: int
    align: int

    @property
    def end(self) -> int:
        """The offset behind it."""
        return self.offset + self.file_bytes

    def packed(self) -> bytes:
        """As it stands in a file."""
        return SEGMENT.pack(self.type, self.flags, self.offset, self.address, self.physical, self.file_bytes, self.memory_bytes, self.align)


@dataclass(frozen=True, slots=True)
class Section:
    """A named stretch of the file."""

    name: str
    type: int
    offset: int
    size: int
    link: int


class Library:
    """What a shared library asks for.

    Attributes:
        path: Where it is.
        needed: The names of the libraries that it is linked with.
        undefined: The names of what it wants of them.
        unloaded_bytes: How much of it the loader never sees.
    """

    def __init__(self, path: Path) -> None:
        data = path.read_bytes()
        self.path = path
        self._sections = sections(data)
        self.unloaded_bytes = len(data) - sum(segment.file_bytes for segment in segments(data) if segment.type == LOAD)
        self.needed = {name for name, (tag, _) in self._named(data, _DYNAMIC_SECTION, DYNAMIC, 1) if tag == NEEDED}
        self.undefined = {name for name, symbol in self._named(data, _DYNSYM, SYMBOL, 0) if not symbol[3]}

    def section_bytes(self, name: str) -> int:
        """The size of a section; 0 where there is none."""
        return sum(section.size for section in self._sections if section.name == name)

    def _named(self, data: bytes, kind: int, form: struct.Struct, field: int) -> Iterator[tuple[str, tuple[int, ...]]]:
        """The entries of the tables of a kind, each with the string that its field stands for."""
        for table in self._sections:
            if table.type == kind:
                strings = self._sections[table.link]
                for entry in form.iter_unpack(data[table.offset : table.offset + table.size]):
                    if entry[field] < strings.size:  # in the dynamic section, not every field is a string
                        yield _text(data, strings.offset + entry[field]), entry


def segments(data: bytes) -> list[Segment]:
    """All of a file, in its own order."""
    header = HEADER.unpack_from(data)
    return [Segment(*SEGMENT.unpack_from(data, header[_PHOFF] + number * SEGMENT.size)) for number in range(header[_PHNUM])]


def sections(data: bytes) -> list[Section]:
    """All of a file; none where they were cut off."""
    header = HEADER.unpack_from(data)
    raw = [SECTION.unpack_from(data, header[_SHOFF] + number * SECTION.size) for number in range(header[_SHNUM])]
    names = raw[header[_SHSTRNDX]][4] if raw else 0
    return [Section(_text(data, names + name), kind, offset, size, link) for name, kind, _, _, offset, size, link, *_ in raw]


def without_section(data: bytes, name: str) -> bytes:
    """The same library without the bytes of a section and of all that no segment loads; no section has a header any more.

    Addresses stay: where the section was, memory is zero.
    """
    header = list(HEADER.unpack_from(data))
    wanted = segments(data)
    for section in sections(data):
        if section.name == name and section.size > 2 * PAGE and any(_has(segment, section.offset) for segment in wanted):
            wanted = _split(wanted, section)
    moved = _moved(wanted)
    made = bytearray()
    for old, new in zip(wanted, moved, strict=True):
        if old.type == LOAD:
            made += bytes(max(0, new.end - len(made)))
            made[new.offset : new.end] = data[old.offset : old.end]
    header[_PHOFF] += next(new.offset - old.offset for old, new in zip(wanted, moved, strict=True) if _has(old, header[_PHOFF]))
    header[_SHOFF] = header[_SHNUM] = header[_SHSTRNDX] = 0
    made[: HEADER.size] = HEADER.pack(*header)
    table = b"".join(segment.packed() for segment in moved)
    made[header[_PHOFF] : header[_PHOFF] + len(table)] = table
    return bytes(made)


def _split(whole: Sequence[Segment], section: Section) -> list[Segment]:
    """The segment that has the section becomes two, of which the first ends in zeros; the note with the build's name makes room."""
    last = (section.offset + section.size) // PAGE * PAGE
    made: list[Segment] = []
    for segment in whole:
        if _has(segment, section.offset):
            gone = last - segment.offset
            first = replace(segment, file_bytes=section.offset - segment.offset, memory_bytes=gone)
            address = segment.address + gone
            rest = segment.file_bytes - gone
            made += [first, replace(segment, offset=last, address=address, physical=address, file_bytes=rest, memory_bytes=rest)]
        else:
            made.append(segment)
    made.remove(next(segment for segment in made if segment.type == NOTE))
    return made


def _moved(wanted: Sequence[Segment]) -> list[Segment]:
    """The segments of a file without gaps. Each moves by whole pages: offsets and addresses have to agree but for those."""
    shifts, shift, end = {}, 0, 0
    loads = sorted((segment for segment in wanted if segment.type == LOAD), key=lambda segment: segment.offset)
    for segment in loads:
        shift += (segment.offset - shift - end) // PAGE * PAGE
        shifts[segment] = shift
        end = segment.end - shift
    within = [next((load for load in loads if _has(load, segment.offset)), segment) for segment in wanted]
    return [replace(segment, offset=segment.offset - shifts.get(load, 0)) for segment, load in zip(wanted, within, strict=True)]


def _has(segment: Segment, offset: int) -> bool:
    return segment.type == LOAD and segment.offset <= offset < segment.end


def _text(data: bytes, place: int) -> str:
    return data[place : data.index(b"\0", place)].decode()
