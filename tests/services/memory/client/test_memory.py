"""`Memory` against a server that fails on demand: single calls."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest
from tandem_memory.client import (
    BusyError,
    ClosedError,
    DeniedError,
    FullError,
    Judged,
    Memory,
    NotThereError,
    Record,
    RefusedError,
    TooLateError,
    UnreachableError,
    keyed,
)
from tandem_rpc import Refused, RpcSetupError, invalid

from tests.services.memory.client.stand_in import StandIn

Make = Callable[..., Record]


Eventually = Callable[[Callable[[], object]], None]


AWAY = Refused(grpc.StatusCode.UNAVAILABLE, "stopping")


def test_what_is_appended_is_found_got_and_scanned(memory: Memory, make: Make) -> None:
    """The same records come back by search, by id, and in their order over several pages."""
    records = [make(n) for n in range(250)]
    ids = [each.id for each in memory.append(records)]
    assert [each.question for each in memory.scan()] == [each.question for each in records]
    assert [each.id for each in memory.get(list(reversed(ids)))] == list(reversed(ids))
    vector = records[7].vector
    assert vector is not None
    (hit,) = memory.search(vector, k=1)
    assert (hit.record.question, round(hit.similarity, 5)) == ("question 7", 1)
    assert memory.search("question 9", k=3)[0].record.question == "question 9"


def test_a_large_append_is_split_and_keeps_its_order(memory: Memory, stand_in: StandIn) -> None:
    """By count and by bytes, each call well below the message limit; ids come in the order of the records."""
    many = memory.append(Record(question=str(n)) for n in range(5000))
    assert stand_in.batches == [4096, 904]
    assert [each.id for each in many] == [f"r{n}" for n in range(5000)]
    stand_in.batches.clear()
    memory.append([Record(question="x" * 1_500_000) for _ in range(3)])
    assert stand_in.batches == [1, 1, 1]


def test_a_refused_record_is_named_by_its_place_among_all_of_them(memory: Memory, stand_in: StandIn) -> None:
    """Though it was sent in the second call."""
    stand_in.refusals += [None, invalid("records[3].score", "2.0 is above 1")]
    with pytest.raises(RefusedError, match=r": records\[4099\]\.score: 2\.0 is above 1$") as caught:
        memory.append(Record(question=str(n)) for n in range(5000))
    assert caught.value.field == "records[4099].score"


def test_records_without_a_key_get_one_and_repeating_is_safe(memory: Memory, stand_in: StandIn) -> None:
    """Two alike records are two; keyed beforehand, the same append twice is one."""
    memory.append([Record(question="same"), Record(question="same")])
    assert len(stand_in.records) == 2
    mine = keyed([Record(question="once")])
    assert [each.known for each in memory.append(mine)] == [False]
    assert [each.known for each in memory.append(mine)] == [True]
    assert len(stand_in.records) == 3


@pytest.mark.parametrize(
    "refusal",
    [AWAY, Refused(grpc.StatusCode.ABORTED, "again"), Refused(grpc.StatusCode.RESOURCE_EXHAUSTED, "streams: all 64 are open")],
)
def test_what_a_moment_may_mend_is_tried_again(memory: Memory, stand_in: StandIn, refusal: Refused) -> None:
    """The caller does not notice, and nothing is there twice."""
    stand_in.refusals += [refusal, refusal]
    assert len(memory.append([Record(question="?")])) == 1
    assert stand_in.calls == ["Append"] * 3
    assert len(stand_in.records) == 1


def test_a_try_that_is_made_again_is_told_of_in_our_own_words(memory: Memory, stand_in: StandIn, caplog: pytest.LogCaptureFixture) -> None:
    """For those who listen, and with its cause; a script that set up no logging is not sent "stamina.retry_scheduled" for each."""
    caplog.set_level("INFO")
    stand_in.refusals += [AWAY, AWAY]
    memory.append([Record(question="?")])
    said = f"memory at {stand_in.address}: stopping; tried again while patience lasts"
    assert [(each.name, each.message) for each in caplog.records] == [("tandem_memory.client.link", said)]


@pytest.mark.parametrize(
    ("refusal", "kind"),
    [
        (Refused(grpc.StatusCode.RESOURCE_EXHAUSTED, "disk: full"), FullError),
        (Refused(grpc.StatusCode.NOT_FOUND, "namespace: no such"), NotThereError),
        (Refused(grpc.StatusCode.PERMISSION_DENIED, "namespace: not yours"), DeniedError),
        (Refused(grpc.StatusCode.UNAUTHENTICATED, "authorization: absent"), DeniedError),
        (Refused(grpc.StatusCode.DEADLINE_EXCEEDED, "deadline: too long"), TooLateError),
        (invalid("records[0].score", "2.0 is above 1"), RefusedError),
    ],
)
def test_what_no_moment_mends_is_said_at_once(memory: Memory, stand_in: StandIn, refusal: Refused, kind: type[Exception]) -> None:
    """One call, one line with the address, a type to catch, and the field at fault."""
    stand_in.refusals.append(refusal)
    with pytest.raises(kind) as caught:
        memory.append([Record(question="?")])
    assert str(caught.value) == f"memory at {stand_in.address}: {refusal.message}"
    assert getattr(caught.value, "field", "") == refusal.field
    assert stand_in.calls == ["Append"]


def test_patience_ends(stand_in: StandIn) -> None:
    """Without patience there is one try; a service that is not there is unreachable, one that is busy is busy."""
    memory = Memory(stand_in.address, "team", patience_s=0)
    stand_in.refusals.append(Refused(grpc.StatusCode.ABORTED, "again"))
    with pytest.raises(BusyError, match="again"):
        memory.search("?")
    stand_in.stop()
    with pytest.raises(UnreachableError, match=f"memory at {stand_in.address}: "):
        memory.but(patience_s=0.1).search("?")
    memory.close()
    with pytest.raises(ClosedError):
        memory.search("?")


def test_every_unary_call_has_a_deadline(memory: Memory, stand_in: StandIn) -> None:
    """The default, or the one that was asked for."""
    memory.search("?")
    memory.but(deadline_s=50).get(["r0"])
    default, asked = stand_in.deadlines
    assert 5 < default <= 31
    assert 31 < asked <= 51


def test_a_judgement_told_again_is_under_the_same_key(memory: Memory, stand_in: StandIn) -> None:
    """The client makes a key, so that a retry cannot book a gain twice."""
    stand_in.refusals.append(AWAY)
    assert memory.judge([Judged(id="r0", gain=1.0, source="local"), Judged(id="r0", gain=1.0, source="local", key="mine")]) == 2
    keys = [change.judged.key for change in stand_in.changes]
    assert keys[1] == "mine"
    assert len(keys[0]) == 32


def test_arguments_that_cannot_work_are_refused_at_once(tmp_path: Path) -> None:
    """A missing token file is said when the client is made."""
    with pytest.raises(RpcSetupError, match="token_file"):
        Memory("127.0.0.1:1", "team", token_file=tmp_path / "absent")


@pytest.mark.parametrize("k", [0, -1])
def test_a_search_for_nothing_is_refused(memory: Memory, stand_in: StandIn, k: int) -> None:
    """The wire has 0 for the service's own choice, which nobody means who writes it; of many searches none is begun."""
    with pytest.raises(ValueError, match=f"^k: {k} asks for no record; ask for 1 or more$"):
        memory.search("?", k=k)
    with pytest.raises(ValueError, match=f"^k: {k} asks"):
        next(iter(memory.search_many(["?"], k=k)))
    assert not stand_in.calls


def test_importing_the_client_is_light() -> None:
    """Neither gRPC nor numpy nor stamina is loaded by an import: command lines that never connect do not pay for them."""
    heavy = ("grpc", "numpy", "stamina", "lmdb", "asyncio", "pydantic")
    code = f"import sys, tandem_memory.client, tandem_memory.transfer; print([m for m in {heavy} if m in sys.modules])"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
