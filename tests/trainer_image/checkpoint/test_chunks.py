"""How buffers are cut, for all sizes."""

import itertools

from hypothesis import given
from hypothesis import strategies as st
from tandem_trainer.checkpoint import chunks
from tandem_trainer.checkpoint.layout import Placed

MIB = 1 << 20


@given(st.integers(0, 400 * MIB))
def test_chunks_tile_the_buffer_and_are_16_to_64_mib(size: int) -> None:
    """Nothing is left out or held twice; only a buffer that is itself small makes a small chunk."""
    extents = chunks.cuts(size)
    assert sum(extent.stop - extent.start for extent in extents) == size
    assert all(before.stop == after.start for before, after in itertools.pairwise(extents))
    assert all(min(size, 16 * MIB) <= extent.stop - extent.start <= 64 * MIB for extent in extents)


@given(st.integers(1, 3 * 32 * MIB), st.integers(0, 2 * MIB).map(lambda n: 64 * n), st.integers(0, 5))
def test_every_number_of_a_slice_lies_whole_in_one_chunk(count: int, offset: int, start: int) -> None:
    """The stretches of a slice follow one another, and each stays within its chunk."""
    placed = Placed(tensor="t", shape=(count + start,), dtype="bfloat16", start=start, count=count, offset=offset)
    extents = chunks.cuts(offset + placed.bytes)
    stretches = list(chunks.held(placed, extents))
    assert sum(stretch.count for stretch in stretches) == count
    number = start
    for stretch in stretches:
        extent = extents[stretch.chunk]
        assert stretch.start == number
        assert stretch.offset + extent.start == offset + 2 * (number - start)
        assert stretch.offset + 2 * stretch.count <= extent.stop - extent.start
        number += stretch.count


@given(st.binary(min_size=1, max_size=300), st.data())
def test_any_changed_byte_changes_its_block_and_the_chunk(data: bytes, draw: st.DataObject) -> None:
    """And no other block."""
    at = draw.draw(st.integers(0, len(data) - 1))
    changed = bytearray(data)
    changed[at] ^= draw.draw(st.integers(1, 255))
    before, after = chunks.block_digests(memoryview(data)), chunks.block_digests(memoryview(changed))
    assert [n for n, pair in enumerate(zip(before, after, strict=True)) if pair[0] != pair[1]] == [at // chunks.BLOCK]
    assert chunks.digest(before) != chunks.digest(after)


@given(st.integers(1, 6000), st.integers(1, MIB).map(lambda n: 16 * n), st.integers(0, 100), st.integers(0, 64).map(lambda n: 64 * n))
def test_chunks_of_a_tensor_with_units_hold_whole_units(count: int, unit: int, first: int, offset: int) -> None:
    """A unit that changes costs its own bytes and less than what is worth a chunk; so many chunks are never more than are bearable."""
    whole = {"shape": (first + count, unit), "dtype": "float32", "unit": unit}
    placed = Placed(tensor="t", start=first * unit, count=count * unit, offset=offset, **whole)  # type: ignore[arg-type]
    size, unit_bytes = offset + placed.bytes, 4 * unit
    extents = chunks.cuts(size, [placed])
    assert sum(extent.stop - extent.start for extent in extents) == size
    assert all(before.stop == after.start for before, after in itertools.pairwise(extents))
    own = [extent for extent in extents if extent.start >= offset]
    worth = min(max(chunks.FINEST, placed.bytes // chunks.MOST), chunks.CHUNK)
    assert all(extent.stop - extent.start < unit_bytes + worth for extent in own)
    assert len(own) <= max(chunks.MOST, -(-placed.bytes // chunks.CHUNK)) + 1
    if unit_bytes <= chunks.CHUNK + chunks.SMALLEST - 1:
        assert all((extent.start - offset) % unit_bytes == 0 for extent in own)
