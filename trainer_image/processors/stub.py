"""Writes a shared library of functions that all end the process, for x86-64: what is linked with the real one can be loaded."""

import struct
from collections.abc import Sequence

from processors.elf import DYNAMIC, HEADER, LOAD, PAGE, SECTION, SEGMENT, SYMBOL

_SHARED, _X86_64 = 3, 62
_DYNAMIC_SEGMENT, _STACK = 2, 0x6474E551
_HASH, _STRTAB, _SYMTAB, _STRSZ, _SYMENT, _SONAME = 4, 5, 6, 10, 11, 14  # entries of the dynamic section
_READ, _RUN = 4, 1
_GLOBAL_FUNCTION = 0x12
_SEGMENTS = 3


def stub(soname: str, names: Sequence[str]) -> bytes:
    """The library `soname` with these functions. It is one segment, loaded as it stands: addresses are offsets."""
    made = bytearray(HEADER.size + _SEGMENTS * SEGMENT.size)
    symbols, strings = [bytes(SYMBOL.size)], bytearray(1)
    for name in names:
        place = _append(made, _last_words(f"this torch is for processors only, but {name} of CUDA was called\n".encode()))
        symbols.append(SYMBOL.pack(len(strings), _GLOBAL_FUNCTION, 0, 1, place, 0))
        strings += name.encode() + b"\0"
    entries = [(_SONAME, len(strings))]
    strings += soname.encode() + b"\0"
    entries += [(_STRSZ, len(strings)), (_SYMENT, SYMBOL.size)]
    entries += [(_HASH, _append(made, _hash_table(names))), (_SYMTAB, _append(made, b"".join(symbols)))]
    entries += [(_STRTAB, _append(made, bytes(strings))), (0, 0)]
    dynamic = b"".join(DYNAMIC.pack(*entry) for entry in entries)
    made[: HEADER.size + _SEGMENTS * SEGMENT.size] = _headers(_append(made, dynamic), len(dynamic))
    return bytes(made)


def _append(made: bytearray, data: bytes) -> int:
    made += bytes(-len(made) % 16)
    place = len(made)
    made += data
    return place


def _last_words(text: bytes) -> bytes:
    """Machine code: write(2, text, length), and then an instruction that does not exist."""
    address_of_text = b"\x48\x8d\x35\x09\x00\x00\x00"  # which is nine bytes behind this instruction
    return (
        b"\xb8\x01\x00\x00\x00\xbf\x02\x00\x00\x00" + address_of_text + b"\xba" + struct.pack("<I", len(text)) + b"\x0f\x05\x0f\x0b" + text
    )


def _hash_table(names: Sequence[str]) -> bytes:
    """By which the loader finds a name (gABI, chapter 5, Hash Table)."""
    count = len(names) + 1
    buckets, chains = [0] * count, [0] * count
    for number, name in enumerate(names, 1):
        bucket = _hash(name.encode()) % count
        chains[number], buckets[bucket] = buckets[bucket], number
    return struct.pack(f"<{2 + 2 * count}I", count, count, *buckets, *chains)


def _hash(name: bytes) -> int:
    value = 0
    for byte in name:
        value = (value << 4) + byte
        value = (value ^ (value & 0xF0000000) >> 24) & 0x0FFFFFFF
    return value


def _headers(dynamic: int, size: int) -> bytes:
    whole = dynamic + size
    identity = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")  # 64 bits, least significant byte first
    header = HEADER.pack(identity, _SHARED, _X86_64, 1, 0, HEADER.size, 0, 0, HEADER.size, SEGMENT.size, _SEGMENTS, SECTION.size, 0, 0)
    segments = [
        (LOAD, _READ | _RUN, 0, 0, 0, whole, whole, PAGE),
        (_DYNAMIC_SEGMENT, _READ, dynamic, dynamic, dynamic, size, size, 8),
        (_STACK, _READ | 2, 0, 0, 0, 0, 0, 16),  # without this, the loader would make every stack executable
    ]
    return header + b"".join(SEGMENT.pack(*segment) for segment in segments)
