"""What training waits for is one copy; the rest of the world sees that copy and nothing later."""

import array
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tandem_trainer.checkpoint.errors import CheckpointError
from tandem_trainer.checkpoint.layout import ALIGNMENT
from tandem_trainer.checkpoint.slices import Slice
from tandem_trainer.checkpoint.staging import Staged, Staging, mapped

from tests.trainer_image.checkpoint import world


def slice_of(data: bytes | bytearray | memoryview, *, count: int, dtype: str = "uint8") -> Slice:
    return Slice(tensor="t", shape=(count,), dtype=dtype, start=0, count=count, data=memoryview(data))


def taken(staging: Staging, *slices: Slice) -> Staged:
    staged = staging.take(slices)
    assert staged is not None
    return staged


@pytest.fixture(params=["memory", "disk"])
def staging(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Staging]:
    """Generations in memory, or on a disk."""
    staging = Staging(tmp_path if request.param == "disk" else None)
    yield staging
    staging.close()


def test_training_may_change_its_tensors_at_once(staging: Staging) -> None:
    """What is uploaded is the state as it was when it was taken."""
    weights = bytearray(b"before")
    staged = taken(staging, slice_of(weights, count=6))
    weights[:] = b"after!"
    assert bytes(mapped(staged.fd, staged.bytes)) == b"before"


def test_a_state_that_is_being_saved_is_not_overwritten_by_the_next(staging: Staging) -> None:
    """The second state goes elsewhere, and a third finds no room until one of them is released."""
    first = taken(staging, slice_of(b"first", count=5))
    second = taken(staging, slice_of(b"second", count=6))
    assert staging.take([slice_of(b"third", count=5)]) is None
    assert bytes(mapped(first.fd, first.bytes)) == b"first"
    staging.release(second.generation)
    third = taken(staging, slice_of(b"third", count=5))
    assert (third.generation, third.fd) == (second.generation, second.fd)
    assert bytes(mapped(third.fd, third.bytes)) == b"third"
    assert bytes(mapped(first.fd, first.bytes)) == b"first"


def test_another_process_maps_what_it_is_handed(staging: Staging) -> None:
    """The descriptor is all that an agent needs, and it cannot write through it by accident."""
    staged = taken(staging, slice_of(b"shared", count=6))
    code = "import sys; from tandem_trainer.checkpoint.staging import mapped; v = mapped(int(sys.argv[1]), 6); print(bytes(v), v.readonly)"
    told = subprocess.run([sys.executable, "-c", code, str(staged.fd)], pass_fds=[staged.fd], capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["b'shared'", "True"]


def test_memory_grows_while_slices_are_made_one_by_one(staging: Staging) -> None:
    """Slices may come from a generator, and what came before a growth is kept."""
    staged = staging.take(slice_of(bytes([n]) * 5000, count=5000) for n in range(40))
    assert staged is not None
    seen = mapped(staged.fd, staged.bytes)
    assert all(seen[placed.offset : placed.offset + 5000] == bytes([n]) * 5000 for n, placed in enumerate(staged.layout))
    assert all(placed.offset % ALIGNMENT == 0 for placed in staged.layout)


def test_between_slices_there_is_nothing_of_a_former_state(staging: Staging) -> None:
    """Equal states give equal buffers, whatever was staged before: or no chunk would ever be found again."""
    staging.release(taken(staging, slice_of(b"x" * 300, count=300)).generation)
    again = taken(staging, slice_of(b"abc", count=3), slice_of(b"def", count=3))
    fresh = taken(Staging(), slice_of(b"abc", count=3), slice_of(b"def", count=3))
    assert bytes(mapped(again.fd, again.bytes)) == bytes(mapped(fresh.fd, fresh.bytes))


def test_numbers_of_any_format_are_taken_as_bytes(staging: Staging) -> None:
    """A view of floats needs no cast."""
    values = array.array("f", [1.0, -2.5])
    staged = taken(staging, slice_of(memoryview(values), count=2, dtype="float32"))
    assert bytes(mapped(staged.fd, staged.bytes)) == values.tobytes()


def test_reserved_memory_is_all_that_a_state_needs(staging: Staging) -> None:
    """Taking a state of the reserved size makes no new memory, in either generation."""
    staging.reserve(3_000_000)
    for _ in range(2):
        staged = taken(staging, slice_of(bytes(2_999_999), count=2_999_999), slice_of(b"1", count=1))
        before = os.fstat(staged.fd)
        assert before.st_blocks * 512 >= 3_000_000
        assert before.st_size < 5_000_000


def test_an_empty_state_is_a_state(staging: Staging) -> None:
    """A rank without numbers saves nothing, and says so."""
    staged = taken(staging)
    assert (staged.bytes, staged.layout) == (0, ())
    assert bytes(mapped(staged.fd, staged.bytes)) == b""


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (slice_of(b"12345", count=2, dtype="float32"), "tensor 't': 2 numbers of float32 came with 5 bytes"),
        (slice_of(b"12", count=2, dtype="float33"), "dtype 'float33': no number format of checkpoints; use one of bool, "),
        (
            world.Numbers(shape=(2,), dtype="int8", data=b"123").between("t", 1, 3),
            "tensor 't': 2 numbers from number 1 on do not fit its shape [2]",
        ),
    ],
)
def test_a_slice_that_contradicts_itself_is_refused_in_one_line(staging: Staging, wrong: Slice, told: str) -> None:
    """It names the tensor and what is wrong, and the generation stays free."""
    for _ in range(3):
        with pytest.raises(CheckpointError) as caught:
            staging.take([wrong])
        assert str(caught.value).startswith(told)
    assert staging.take([]) is not None
