"""What any number of ranks saved, any number of ranks reads back, byte for byte."""

import itertools
import math
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tandem_objects import Store
from tandem_trainer.checkpoint.commit import commit
from tandem_trainer.checkpoint.layout import ITEM_BYTES
from tandem_trainer.checkpoint.reader import load_manifest
from tandem_trainer.checkpoint.slices import Slice

from tests.trainer_image.checkpoint import world


@st.composite
def tensors(draw: st.DrawFn) -> world.Numbers:
    """Any shape, scalars and empty ones too, of any number format."""
    shape = tuple(draw(st.lists(st.integers(0, 9), max_size=3)))
    dtype = draw(st.sampled_from(sorted(ITEM_BYTES)))
    data = Random(draw(st.integers())).randbytes(math.prod(shape) * ITEM_BYTES[dtype])
    return world.Numbers(shape=shape, dtype=dtype, data=data)


def borders(data: st.DataObject, count: int) -> list[int]:
    """Where a tensor is cut, at random: nothing lies between two equal ones."""
    return sorted([0, count, *data.draw(st.lists(st.integers(0, count), max_size=4))])


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_any_split_is_read_back_in_any_other_split(data: st.DataObject) -> None:
    """Whoever saved which numbers, and whoever asks for which: what is read is what was saved."""
    state = data.draw(st.dictionaries(st.text(min_size=1, max_size=9), tensors(), max_size=5))
    shares: list[list[Slice]] = [[] for _ in range(data.draw(st.integers(1, 4), label="ranks"))]
    for name, tensor in state.items():
        for start, end in itertools.pairwise(borders(data, tensor.count)):
            data.draw(st.sampled_from(shares)).append(tensor.between(name, start, end))
    with world.directory() as store, world.small_chunks():
        committed = commit(store, world.save_parts(store, shares)[0], timeout_s=0)
        manifest = load_manifest(store, committed.key)
        asked = {name: borders(data, tensor.count) for name, tensor in state.items()}
        assert world.read(store, manifest, borders=asked) == state


@pytest.mark.parametrize(("saved_by", "read_by"), [(1, 3), (3, 1), (2, 2)])
def test_states_of_several_real_chunks_are_read_back(store: Store, saved_by: int, read_by: int) -> None:
    """At their real size, chunks and blocks hold odd numbers of odd tensors too."""
    state = {
        "embedding": world.numbers("e", 9_000_001),
        "bias": world.numbers("b", 3, "bfloat16"),
        "head": world.numbers("h", 13_000_003, "bfloat16"),
        "step": world.Numbers(shape=(), dtype="int64", data=bytes(8)),
    }
    committed = world.save(store, state, ranks=saved_by)
    asked = {name: world.evenly(tensor.count, read_by) for name, tensor in state.items()}
    assert world.read(store, load_manifest(store, committed.key), borders=asked) == state
    assert committed.bytes >= sum(len(tensor.data) for tensor in state.values())
