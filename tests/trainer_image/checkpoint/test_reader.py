"""Reading: only what is wanted, all of it verified, and one clear line when it cannot be had."""

import array
from dataclasses import replace
from pathlib import Path

import pytest
from tandem_objects import Store, Unreachable
from tandem_trainer.checkpoint.errors import CheckpointError, Corrupted, Mismatch
from tandem_trainer.checkpoint.manifest import Chunk, Manifest, Stretch, Tensor
from tandem_trainer.checkpoint.reader import Reader, load_manifest, newest
from tandem_trainer.checkpoint.reads import reads
from tandem_trainer.checkpoint.slices import Want

from tests.trainer_image.checkpoint import world
from tests.trainer_image.checkpoint.faults import Faulty, failing

MIB = 1 << 20
STATE = {"weight": world.numbers("w", 1_000_000), "bias": world.numbers("b", 10, "bfloat16")}


def want(tensor: str, start: int, count: int) -> Want:
    return Want(tensor=tensor, start=start, out=memoryview(bytearray(count)))


def one_tensor(count: int, *, chunk: int) -> Manifest:
    """A tensor of bytes in chunks of `chunk` bytes. Their digests are of no matter to what is read."""
    starts = range(0, count, chunk)
    return Manifest(
        run="r",
        uid="u",
        attempt=1,
        claim=1,
        step=1,
        world_size=1,
        at=world.AT,  # type: ignore[arg-type]
        tensors={
            "t": Tensor(
                shape=(count,),
                dtype="uint8",
                slices=tuple(Stretch(start=start, count=min(chunk, count - start), chunk=f"c{start}", offset=0) for start in starts),
            )
        },
        chunks={f"c{start}": Chunk(bytes=min(chunk, count - start), blocks=()) for start in starts},
    )


@pytest.mark.parametrize(
    ("wants", "expected"),
    [
        ([want("t", 5, 1)], [("c0", 0, MIB)]),
        ([want("t", MIB - 1, 2)], [("c0", 0, 2 * MIB)]),
        ([want("t", 0, 10), want("t", 10, 10), want("t", MIB, 10)], [("c0", 0, 2 * MIB)]),
        ([want("t", 0, 10), want("t", 3 * MIB, 10)], [("c0", 0, MIB), ("c0", 3 * MIB, 4 * MIB)]),
        ([want("t", 0, 20 * MIB)], [("c0", 0, 8 * MIB), ("c0", 8 * MIB, 16 * MIB), ("c0", 16 * MIB, 20 * MIB)]),
        ([want("t", 20 * MIB - 1, 2)], [("c0", 19 * MIB, 20 * MIB), (f"c{20 * MIB}", 0, MIB)]),
        ([want("t", 30 * MIB, MIB // 2)], [(f"c{20 * MIB}", 10 * MIB, 10 * MIB + MIB // 2)]),
        ([], []),
    ],
)
def test_what_lies_together_is_read_together_in_whole_blocks(wants: list[Want], expected: list[tuple[str, int, int]]) -> None:
    """Neither many small requests, nor bytes that nobody wants."""
    planned = reads(one_tensor(30 * MIB + MIB // 2, chunk=20 * MIB), wants)
    assert [(read.chunk, read.start, read.end) for read in planned] == expected


def loaded(store: Store, *, step: int = 10) -> Manifest:
    return load_manifest(store, world.save(store, STATE, step=step).key)


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        (want("weigth", 0, 4), "holds no tensor 'weigth'; it holds 2, such as 'bias', 'weight'"),
        (want("weight", 999_999, 8), "tensor 'weight' of shape [1000000] has no number 1000000"),
        (want("weight", 2_000_000, 4), "tensor 'weight' of shape [1000000] has no number 2000000"),
        (want("weight", 0, 6), "tensor 'weight' is float32, 4 bytes a number; 6 bytes are wanted"),
        (
            Want(tensor="bias", start=0, out=memoryview(array.array("f", [0.0]))),
            "tensor 'bias' is bfloat16, 2 bytes a number; numbers of 4 bytes are wanted",
        ),
    ],
)
def test_what_the_checkpoint_does_not_hold_is_said_in_one_line(store: Store, wanted: Want, told: str) -> None:
    """A gap is never filled with zeros, and a number never read as another."""
    manifest = loaded(store)
    with pytest.raises(Mismatch) as caught:
        Reader(store, manifest).fill([wanted])
    assert str(caught.value) == f"{manifest.key}: {told}"


def test_a_slice_that_is_missing_in_the_middle_is_a_gap() -> None:
    """A manifest that lost a stretch does not give its neighbours' numbers away."""
    whole = one_tensor(30, chunk=10)
    first, _, last = whole.tensors["t"].slices
    lost = replace(whole, tensors={"t": replace(whole.tensors["t"], slices=(first, last))})
    with pytest.raises(Mismatch, match=r"tensor 't' of shape \[30\] has no number 10$"):
        reads(lost, [want("t", 5, 10)])


def test_numbers_wanted_twice_are_given_twice(store: Store) -> None:
    """Two views of the same numbers are both filled, whole blocks and single numbers alike."""
    wants = [want("weight", 0, 2 * MIB), want("weight", 0, 2 * MIB), want("weight", 1, 4), want("weight", 1, 4)]
    Reader(store, loaded(store)).fill(wants)
    assert [wanted.out for wanted in wants] == [STATE["weight"].data[: 2 * MIB]] * 2 + [STATE["weight"].data[4:8]] * 2


def test_views_keep_their_own_number_format(store: Store) -> None:
    """A view of floats is filled as it is, without a cast."""
    out = array.array("f", bytes(400))
    Reader(store, loaded(store)).fill([Want(tensor="weight", start=7, out=memoryview(out))])
    assert out.tobytes() == STATE["weight"].data[28:428]


@pytest.mark.parametrize(
    ("shape", "dtype", "told"),
    [
        ((1000, 1000), "float32", "the model has [1000, 1000] float32, manifests/000001-000000000010.json has [1000000] float32"),
        ((1_000_000,), "float64", "the model has [1000000] float64, manifests/000001-000000000010.json has [1000000] float32"),
    ],
)
def test_another_model_is_told_what_the_checkpoint_holds(store: Store, shape: tuple[int, ...], dtype: str, told: str) -> None:
    """And what to do about it."""
    reader = Reader(store, loaded(store))
    reader.check("weight", (1_000_000,), "float32")
    with pytest.raises(Mismatch) as caught:
        reader.check("weight", shape, dtype)
    assert str(caught.value) == f"tensor 'weight': {told}; resume with the model that was saved, or set another checkpoint.uri"
    with pytest.raises(Mismatch, match="has no such tensor"):
        reader.check("other", shape, dtype)


def damage(path: Path, how: str) -> None:
    data = bytearray(path.read_bytes())
    match how:
        case "flipped":
            data[2 * MIB + 5] ^= 1
            path.write_bytes(data)
        case "cut":
            path.write_bytes(data[:-1])
        case _:
            path.unlink()


@pytest.mark.parametrize(
    ("how", "told"),
    [("flipped", "block 2 is not what was saved, {key} is damaged"), ("cut", "is gone or cut short"), ("gone", "is gone or cut short")],
)
def test_a_damaged_chunk_is_named_and_the_checkpoint_before_loads(store: Store, root: Path, how: str, told: str) -> None:
    """Not one number of it is taken for good."""
    older = loaded(store, step=10)
    bad = loaded(store, step=20)
    (chunk,) = bad.chunks
    damage(root / chunk, how)
    with pytest.raises(Corrupted) as caught:
        world.read(store, bad)
    assert str(caught.value).startswith(f"{chunk}: {told.format(key=bad.key)}")
    assert bad.key in str(caught.value)
    assert "\n" not in str(caught.value)
    found = newest(store, skip={bad.key})
    assert found.manifest == older
    assert world.read(store, older) == STATE


def test_a_want_beside_the_damage_is_served(store: Store, root: Path) -> None:
    """Only blocks that are read are verified: a rank needs no more than its own to be whole."""
    manifest = loaded(store)
    (chunk,) = manifest.chunks
    damage(root / chunk, "flipped")
    mine = want("weight", 0, 2 * MIB)
    Reader(store, manifest).fill([mine])
    assert mine.out == STATE["weight"].data[: 2 * MIB]


def test_a_store_that_does_not_answer_is_no_damage(store: Store) -> None:
    """Steps are not thrown away because a network was down."""
    manifest = loaded(store)
    away = Faulty(store=store, before=failing("get_range_into", Unreachable("no answer")))
    with pytest.raises(CheckpointError) as caught:
        world.read(away, manifest)
    assert caught.value.retryable
    assert not isinstance(caught.value, Corrupted)
    gone = Faulty(store=store, before=failing("get", Unreachable("no answer")))
    with pytest.raises(CheckpointError, match=r"^reading manifests/\S+: no answer$"):
        newest(gone)
