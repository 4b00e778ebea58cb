"""Checkpoints in a real MinIO: what is set wrong is one line and no second attempt; what is right survives kill -9."""

import random
from collections.abc import Mapping
from pathlib import Path

import pytest
from tandem_objects import open_store
from tandem_trainer.checkpoint.reader import newest

from tests.e2e.home import Home, kill, until
from tests.e2e.scripts import go, spec
from tests.parts.minio_server import MinioServer

pytestmark = [pytest.mark.slow, pytest.mark.needs_part("minio")]


@pytest.fixture
def cloud(home: Home, minio: MinioServer) -> Home:
    return Home(path=home.path, cache=home.cache, extra=minio.environ)


def refusal(home: Home, uri: str) -> str:
    """What a run whose checkpoints go to `uri` is told; it must be one line, after one attempt."""
    refused = home.tandem("run", home.write(spec(home.path, steps=5, checkpoint={"uri": uri})))
    assert refused.returncode == 1, refused.stdout + refused.stderr
    status = home.status()
    assert (status["phase"], status["attempt"]) == ("Failed", 1)
    assert len(status["message"].splitlines()) == 1
    assert "Traceback" not in refused.stdout + refused.stderr
    return status["message"]


def test_a_bucket_that_is_not_there_is_named(cloud: Home) -> None:
    """The line names the bucket."""
    assert "no-such-bucket" in refusal(cloud, "s3://no-such-bucket/run")


def test_wrong_credentials_are_refused_and_appear_nowhere(cloud: Home, minio: MinioServer, tmp_path: Path) -> None:
    """The line says that access was denied; neither it nor any file of the run holds the secret."""
    secret = "not-the-right-secret-0123456789"  # noqa: S105  # a secret to look for
    wrong = Home(path=cloud.path, cache=cloud.cache, extra={**minio.environ, "AWS_SECRET_ACCESS_KEY": secret})
    said = refusal(wrong, f"s3://{minio.new_bucket()}/run")
    assert "AWS_SECRET_ACCESS_KEY" in said
    assert secret not in said
    texts = [path for path in tmp_path.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]
    assert not texts


def test_a_run_that_is_killed_goes_on_from_the_bucket(cloud: Home, minio: MinioServer) -> None:
    """Everything is killed -9 in the middle; another home, with none of the files of the first, goes on from the bucket."""
    checkpoint = {"uri": f"s3://{minio.new_bucket()}/run", "everySteps": 10}
    store = open_store(checkpoint["uri"], minio.environ)
    file = cloud.write(spec(cloud.path, steps=400, hold=300, body="time.sleep(0.01)", checkpoint=checkpoint))
    shell = cloud.start(file)
    moment = random.randint(30, 200)
    until(lambda: max(cloud.losses(), default=0) > moment and newest(store).manifest is not None)
    shell.kill()
    shell.wait()
    kill(cloud.ranks() + cloud.agents())
    saved = newest(store).manifest
    assert saved is not None

    elsewhere = Home(path=cloud.path / "elsewhere", cache=cloud.cache, extra=minio.environ)
    elsewhere.path.mkdir()
    go(cloud.path)
    done = elsewhere.tandem("run", file)
    assert done.returncode == 0, done.stdout + done.stderr
    losses = elsewhere.losses()
    assert max(losses) == 400
    assert saved.step < min(losses) <= max(cloud.losses()) + 1, "more was lost than the steps since the last checkpoint"
    assert {step: loss for step, loss in cloud.losses().items() if step in losses}.items() <= losses.items()


def environ_without_credentials(environ: Mapping[str, str]) -> dict[str, str]:
    """Everything but the keys."""
    return {name: value for name, value in environ.items() if not name.startswith("AWS_")}


def test_missing_credentials_are_asked_for(home: Home, minio: MinioServer) -> None:
    """The line names the variables to set."""
    bare = Home(path=home.path, cache=home.cache, extra=environ_without_credentials(minio.environ))
    assert "AWS_ACCESS_KEY_ID" in refusal(bare, f"s3://{minio.new_bucket()}/run")
