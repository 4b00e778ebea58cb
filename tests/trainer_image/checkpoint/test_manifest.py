"""Manifests are read strictly: as written, or not at all."""

import json
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tandem_objects import Store
from tandem_trainer.checkpoint.errors import CheckpointError, Corrupted, UnknownVersion
from tandem_trainer.checkpoint.manifest import Chunk, Manifest, Stretch, Tensor, decode_manifest, encode_manifest
from tandem_trainer.checkpoint.reader import candidates, load_manifest, newest

from tests.trainer_image.checkpoint import world

CHUNK = "chunks/000003/000000000120-00000-" + "99aa06d3014798d86001c324468d497f"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)


def manifest(**changed: object) -> Manifest:
    told: dict[str, object] = {"run": "r", "uid": "u", "attempt": 2, "claim": 3, "step": 120, "world_size": 1, "at": world.AT}
    return Manifest(**{"tensors": {}, "chunks": {}, **told, **changed})  # type: ignore[arg-type]


@given(st.text(), st.floats(allow_nan=False, allow_infinity=False) | st.none(), st.integers(0, 2**62), st.dictionaries(st.text(), JSON))
def test_what_is_written_is_what_is_read(run: str, loss: float | None, tokens: int, extra: dict[str, object]) -> None:
    """Names, numbers and what the loop adds come back as they were, each float to its last digit."""
    whole = manifest(run=run, loss=loss, tokens=tokens, extra=extra)
    assert decode_manifest(whole.key, encode_manifest(whole)) == whole


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_is_none(loss: float) -> None:
    """JSON knows no NaN, and retention must not take it for the best."""
    whole = manifest(loss=loss)
    assert decode_manifest(whole.key, encode_manifest(whole)).loss is None


def test_the_json_is_for_people_and_other_tools_too() -> None:
    """The names are those of the documentation."""
    told = json.loads(encode_manifest(manifest(loss=1.5)))
    moment = ["run", "uid", "attempt", "claim", "step", "worldSize", "at", "loss", "tokens", "extra"]
    assert list(told) == [*moment, "format", "version", "tensors", "chunks", "digest"]
    assert (told["format"], told["version"], told["at"]) == ("tandem.checkpoint", 1, "2026-11-20T12:00:00Z")


def test_any_damage_is_noticed(store: Store) -> None:
    """Whichever byte is changed, and wherever it is cut: it is refused, in one line that names it."""
    key = world.save(store, {"t": world.numbers(1, 100)}).key
    data = store.get(key)
    random = Random(7)
    for at in range(len(data)):
        changed = bytearray(data)
        changed[at] ^= random.randint(1, 255)
        for damaged in (bytes(changed), data[:at]):
            with pytest.raises((Corrupted, UnknownVersion)) as caught:
                decode_manifest(key, damaged)
            assert str(caught.value).startswith(key)
            assert "\n" not in str(caught.value)


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"attempt": -1}, "attempt: Input should be greater than or equal to 0"),
        ({"loss": "low"}, "loss: Input should be a valid number"),
        ({"step": 121}, "is a copy of manifests/000003-000000000121.json"),
        ({"chunks": {CHUNK: Chunk(bytes=5, blocks=("11",))}}, f"the blocks of {CHUNK} are not those of its name"),
        (
            {"tensors": {"t": Tensor(shape=(1,), dtype="int8", slices=(Stretch(start=0, count=1, chunk=CHUNK, offset=0),))}},
            "tensor 't': number 0 lies outside of any chunk it names",
        ),
    ],
)
def test_a_manifest_that_contradicts_itself_is_refused(changed: dict[str, object], told: str) -> None:
    """Even with a digest that is right."""
    with pytest.raises(Corrupted) as caught:
        decode_manifest(manifest().key, encode_manifest(manifest(**changed)))
    assert str(caught.value) == f"{manifest().key}: {told}"


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (
            {"version": 2},
            "format 'tandem.checkpoint' version 2 is not 'tandem.checkpoint' version 1; read it with the Tandem that wrote it",
        ),
        ({"format": "other"}, "format 'other' version 1 is not 'tandem.checkpoint' version 1; read it with the Tandem that wrote it"),
        ({"tensors": {"t": Tensor(shape=(), dtype="float3")}}, "tensor 't' has dtype 'float3', which this Tandem does not know"),
    ],
)
def test_what_another_tandem_wrote_is_passed_over(store: Store, changed: dict[str, object], told: str) -> None:
    """It is named in one line, and the checkpoint before it is found."""
    older = world.save(store, {"t": world.numbers(1, 100)}, claim=3, step=119).key
    store.put(manifest().key, encode_manifest(manifest(**changed)))
    found = newest(store)
    assert found.manifest is not None
    assert found.manifest.key == older
    assert [str(skipped) for skipped in found.skipped] == [f"passed over a checkpoint: {manifest().key}: {told}"]
    with pytest.raises(UnknownVersion):
        load_manifest(store, manifest().key)


def test_half_written_and_foreign_files_are_passed_over(store: Store) -> None:
    """Garbage, an empty file, and names that are none of ours; a claim counts before a step."""
    assert newest(store).manifest is None
    older, newer = (world.save(store, {"t": world.numbers(1, 9)}, claim=number, step=step).key for number, step in ((1, 900), (2, 50)))
    store.put("manifests/000002-000000000060.json", b"")
    store.put("manifests/000002-000000000070.json", b'{"format":"tandem.checkpoint","version":1')
    store.put("manifests/notes.txt", b"hello")
    assert candidates(store)[2:] == (newer, older)
    found = newest(store)
    assert found.manifest is not None
    assert found.manifest.key == newer
    assert len(found.skipped) == 2
    again = newest(store, skip={newer})
    assert again.manifest is not None
    assert again.manifest.key == older


def test_a_manifest_that_is_gone_is_no_reason_to_stop(store: Store) -> None:
    """Retention of another attempt took it: an older or newer one is tried."""
    with pytest.raises(Corrupted, match=r"^manifests/000001-000000000001.json: is gone$"):
        load_manifest(store, "manifests/000001-000000000001.json")
    assert issubclass(Corrupted, CheckpointError)
