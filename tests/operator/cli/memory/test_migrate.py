"""`tandem memory migrate`, from one real service into another."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tandem_memory.client import Judged, Memory, Pruning, Record, RefusedError, Use

from tests.services.memory.embedding.embedding_server import answering
from tests.services.memory.process import Service


@pytest.fixture
def here(tmp_path: Path, desk: Any) -> Iterator[Service]:
    """A service that the environment of commands names."""
    service = Service(tmp_path / "here").start()
    desk.environ |= {"TANDEM_MEMORY": service.address}
    yield service
    service.kill()


@pytest.fixture
def new_there(tmp_path: Path) -> Iterator[Callable[..., Service]]:
    """Starts the other service, with settings of its own."""
    started = list[Service]()

    def start(**settings: object) -> Service:
        started.append(Service(tmp_path / "there", **settings).start())
        return started[-1]

    yield start
    for each in started:
        each.kill()


def filled(service: Service) -> None:
    """Two namespaces, one of the service's own vectors and one of its callers'; used, pruned and emptied ones."""
    with Memory(service.address, "team") as memory:
        ids = [each.id for each in memory.append([Record(question=f"what is {n}", source="cloud", score=n / 10) for n in range(10)])]
        memory.judge([Judged(id=ids[9], gain=0.5, source="local")])
        memory.prune(Pruning(keep_best=8))
        vectors = np.eye(4, dtype=np.float32)
        memory.but("vectors").append([Record(question="", vector=each) for each in vectors])
        memory.but("gone").append([Record(question="why")])
        memory.but("gone").prune(Pruning(keep_best=0))


def test_all_that_one_service_has_is_moved_into_another(desk: Any, here: Service, new_there: Callable[..., Service]) -> None:
    """With times, uses and vectors, as what it was; called again it moves what has come, and searches find it by text."""
    there = new_there()
    filled(here)
    lines = ["gone: 0 records, 0 moved, the same in both", "vectors: 4 records, 4 moved, the same in both"]
    first = desk.tandem("memory", "migrate", "--to", there.address)
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout.splitlines() == [lines[0], "team: 8 records, 8 moved, the same in both", lines[1]]
    with Memory(here.address, "team") as one, Memory(there.address, "team") as other:
        assert [each.embedding for each in other.namespaces()] == [each.embedding for each in one.namespaces() if each.name != "gone"]
        one.append([Record(question="late")])
        again = desk.tandem("memory", "migrate", "--to", there.address, "-n", "team")
        assert again.stdout == "team: 9 records, 1 moved, the same in both\n"
        (found,) = other.search("what is 9", 1)
        assert (found.record.question, found.record.use) == ("what is 9", Use(times=1, gain=0.5, by_source={"local": 1}))


def test_another_record_in_the_other_service_is_named(desk: Any, here: Service, new_there: Callable[..., Service]) -> None:
    """With the fields that differ, and exit code 1; so is one too many. Nothing is moved."""
    there = new_there()
    with Memory(here.address, "n") as one, Memory(there.address, "n") as other:
        one.append([Record(question="a", key="k", score=0.5)])
        other.append([Record(question="a", key="k", score=0.7)])
        ended = desk.tandem("memory", "migrate", "--to", there.address)
        assert (ended.returncode, ended.stdout) == (1, "")
        assert ended.stderr.startswith("tandem: n: record 1 differs in at, score, appended_at in the other service; give a service")
        more = one.but("more")
        more.append([Record(question="a")])
        assert desk.tandem("memory", "migrate", "--to", there.address, "-n", "more").returncode == 0
        other.but("more").append([Record(question="b")])
        ended = desk.tandem("memory", "migrate", "--to", there.address, "-n", "more")
        assert (ended.returncode, ended.stderr.count("\n")) == (1, 1)
        assert ended.stderr.startswith("tandem: more: the other service has more than these 1 records; ")


def test_another_embedding_there_leaves_a_namespace_what_it_is(desk: Any, here: Service, new_there: Callable[..., Service]) -> None:
    """All of it is moved, and texts, which would not find there what they find here, are refused by both names."""
    there = new_there(EMBEDDING_DIMENSION=64)
    filled(here)
    assert desk.tandem("memory", "migrate", "--to", there.address, "-n", "team").returncode == 0
    with (
        Memory(there.address, "team") as other,
        pytest.raises(RefusedError, match=r"by ngrams-1-64, namespace 'team' is .* by ngrams-1-384"),
    ):
        other.search("what is 9")


@pytest.fixture
def drifting() -> Iterator[dict[str, str]]:
    """Settings of a service whose texts are embedded by an endpoint that gives none the same bits twice."""
    with answering() as (url, told):
        told.drift = 1 / 1024
        yield {"EMBEDDING_URL": url, "EMBEDDING_MODEL": "small"}


def test_vectors_of_an_endpoint_stay_what_they_are(desk: Any, tmp_path: Path, new_there: Callable[..., Service], drifting: Any) -> None:
    """Moved into another service, and through a file: texts find them there, although the endpoint makes other bits of them now."""
    there = new_there(**drifting)
    with closing(Service(tmp_path / "by-endpoint", **drifting).start()) as here, Memory(here.address, "n") as one:
        one.append([Record(question="what is time")])
        place = ("--address", here.address)
        moved = desk.tandem("memory", "migrate", "--to", there.address, *place)
        assert (moved.returncode, moved.stdout) == (0, "n: 1 records, 1 moved, the same in both\n"), moved.stderr
        for name in ("memory.jsonl", "memory.jsonl.gz"):
            assert desk.tandem("memory", "export", name, "--vectors", "-n", "n", *place).returncode == 0
            assert desk.tandem("memory", "import", name, "-n", name, *place).returncode == 0
            assert one.but(name).search("what is time")
        printed = desk.tandem("memory", "export", "-", "--vectors", "-n", "n", *place).stdout
        assert printed.endswith(',"embedding":"small"}\n')
        assert {each.embedding for each in one.namespaces()} == {"small"}
    with Memory(there.address, "n") as other:
        assert other.search("what is time")


def test_the_other_service_has_a_token_of_its_own(desk: Any, here: Service, new_there: Callable[..., Service]) -> None:
    """It is shown that, and never the token of the first."""
    filled(here)
    token = desk.path / "token"
    token.write_text("sesame\n")
    there = new_there(TOKEN_FILE=token)
    desk.environ |= {"TANDEM_MEMORY_TOKEN_FILE": str(token)}
    refused = desk.tandem("memory", "migrate", "--to", there.address)
    assert (refused.returncode, "authorization: absent" in refused.stderr) == (74, True)
    assert desk.tandem("memory", "migrate", "--to", there.address, "--to-token-file", token).returncode == 0


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ([], 2, "--to: absent; say where the other service is as host:port"),
        (["--to", "{here}"], 2, "is where the records are; give the address of another service"),
        (["--to", "127.0.0.1:1"], 74, "memory at 127.0.0.1:1: "),
        (["--to", "127.0.0.1:1", "-n", "none"], 4, "--namespace: 'none' is not there, there are n; name one"),
        (["--to", "nowhere"], 2, "nowhere"),
        (["--to", "127.0.0.1:1", "--to-token-file", "absent"], 2, "token_file: absent cannot be read"),
    ],
)
def test_a_mistake_has_an_exit_code_and_a_line(desk: Any, here: Service, words: list[str], code: int, said: str) -> None:
    """As for the other commands."""
    with Memory(here.address, "n") as memory:
        memory.append([Record(question="why")])
    ended = desk.tandem("memory", "migrate", *(word.format(here=here.address) for word in words))
    assert (ended.returncode, said in ended.stderr, ended.stderr.count("\n")) == (code, True, 1), ended.stderr
