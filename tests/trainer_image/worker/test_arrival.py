"""A store that comes late is waited for; one that is there and says no is not."""

import signal
from pathlib import Path

import pytest
from tandem_objects import Store, Unreachable, open_store
from tandem_trainer.checkpoint.errors import CheckpointError
from tandem_trainer.worker import arrival

from tests.parts.minio_server import MinioServer, serving
from tests.parts.running import free_port
from tests.trainer_image.checkpoint.faults import Faulty
from tests.trainer_image.worker.agents import STEPS, Worker, ended, until

LONG = "600"


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrival, "_FIRST_PAUSE_S", 0.01)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path.as_uri(), {})


class Closed:
    """A store whose first looks fail."""

    def __init__(self, store: Store, error: Exception, times: int) -> None:
        self.store = Faulty(store=store, before=self._look)
        self.looks = 0
        self._error, self._times = error, times

    def _look(self, _verb: str, _key: str) -> None:
        self.looks += 1
        if self.looks <= self._times:
            raise self._error


def test_it_is_asked_again_until_it_answers(store: Store) -> None:
    """A line says each time what is the matter, and one that it is over."""
    closed, said = Closed(store, Unreachable("s3.example cannot be reached"), times=3), list[str]()
    arrival.awaited(closed.store, patience_s=60, say=said.append)
    assert closed.looks == 4
    waiting = f"waiting for the store: looking for checkpoints in {store.uri}: s3.example cannot be reached"
    assert said == [waiting] * 3 + ["the store answers"]


@pytest.mark.parametrize(("patience_s", "least"), [(0, 1), (0.2, 2)])
def test_patience_has_an_end(store: Store, patience_s: float, least: int) -> None:
    """The last error is told; without patience that is the first."""
    closed = Closed(store, Unreachable("cannot be reached"), times=10**6)
    with pytest.raises(CheckpointError, match="cannot be reached") as told:
        arrival.awaited(closed.store, patience_s=patience_s, say=lambda _: None)
    assert told.value.retryable
    assert closed.looks >= least
    assert patience_s or closed.looks == 1


@pytest.mark.slow
def test_who_is_asked_to_leave_while_it_waits_leaves_at_once(tmp_path: Path) -> None:
    """Before anything was begun, SIGTERM is 143 like everywhere: not a failure of the run."""
    worker = Worker(tmp_path)
    worker.uri = "s3://bucket/run"
    worker.environ = {
        "TANDEM_S3_ENDPOINT": f"http://127.0.0.1:{free_port()}",
        "AWS_ACCESS_KEY_ID": "anybody",
        "AWS_SECRET_ACCESS_KEY": "anything",
        "TANDEM_STORE_PATIENCE_SECONDS": LONG,
    }
    process = worker.start()
    until(process, "waiting for the store")
    process.send_signal(signal.SIGTERM)
    code, printed = ended(process)
    assert (code, worker.last_words()) == (143, (143, "")), printed


@pytest.mark.slow
@pytest.mark.needs_part("minio")
def test_a_minio_that_comes_up_late_is_trained_with(tmp_path: Path, minio_program: Path) -> None:
    """The agent is started first, and the run is kept in the bucket all the same."""
    worker, drive = Worker(tmp_path), tmp_path / "drive"
    with serving(minio_program, drive, tmp_path / "log") as server:
        worker.uri = f"s3://{server.new_bucket()}/run"
    worker.environ = {**server.environ, "TANDEM_STORE_PATIENCE_SECONDS": LONG}
    process = worker.start()
    until(process, "connection refused")
    with serving(minio_program, drive, tmp_path / "log", again=server):
        code, printed = ended(process)
        assert code == 0, printed
        assert "the store answers" in printed
        assert worker.kept() == STEPS


@pytest.mark.slow
@pytest.mark.needs_part("minio")
@pytest.mark.parametrize("wrong", ["bucket", "key", "secret"])
def test_what_waiting_cannot_mend_is_told_at_once(tmp_path: Path, minio: MinioServer, wrong: str) -> None:
    """A store that is there and refuses ends the run with 93, in one line and without a wait."""
    worker = Worker(tmp_path)
    worker.uri = f"s3://{'no-such-bucket' if wrong == 'bucket' else minio.new_bucket()}/run"
    bad = {"key": {"AWS_ACCESS_KEY_ID": "nobody"}, "secret": {"AWS_SECRET_ACCESS_KEY": "not-the-secret"}}.get(wrong, {})
    worker.environ = {**minio.environ, **bad, "TANDEM_STORE_PATIENCE_SECONDS": LONG}
    code, printed = worker.run()
    assert code == 93, printed
    assert "waiting for the store" not in printed
