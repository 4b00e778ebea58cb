"""kill -9 at any moment of saving: what was acknowledged is there, whole; what was not leaves nothing behind.

A child process saves one checkpoint after the other with two ranks at once, as agents do, and is killed after a random
time. Seeds are printed with each failure; TANDEM_TEST_SEED repeats one.
"""

import itertools
import os
import random
import secrets
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from unittest.mock import patch

import pytest
from tandem_objects import Store, open_store
from tandem_trainer.checkpoint import chunks, keys
from tandem_trainer.checkpoint.claim import claim
from tandem_trainer.checkpoint.commit import commit
from tandem_trainer.checkpoint.manifest import Part
from tandem_trainer.checkpoint.reader import candidates, load_manifest, newest
from tandem_trainer.checkpoint.retention import sweep

from tests.parts.minio_server import MinioServer
from tests.trainer_image.checkpoint import world

KILLS = 50
LONGEST_S = 0.4
RANKS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where to save, for each process to open anew."""

    uri: str
    environ: Mapping[str, str]

    def open(self) -> Store:
        return open_store(self.uri, self.environ)


@pytest.fixture(params=["directory", pytest.param("minio", marks=pytest.mark.needs_part("minio"))])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "directory":
        return Place(uri=(tmp_path / "checkpoints").as_uri(), environ={})
    server: MinioServer = request.getfixturevalue("minio")
    return Place(uri=f"s3://{server.new_bucket()}/runs/r", environ=server.environ)


@pytest.fixture(autouse=True)
def _several_chunks() -> Iterator[None]:
    """Chunks of 256 KiB, so that each save makes several."""
    with patch.multiple(chunks, CHUNK=1 << 18, SMALLEST=1 << 17):
        yield


def state(step: int) -> dict[str, world.Numbers]:
    """1.5 MB, a third of which never changes."""
    return {"frozen": world.numbers("frozen", 125_001), "trained": world.numbers(step, 250_001)}


def save_forever(place: Place, acknowledged: int) -> None:
    """Resume, then save step after step; what is committed is told through the pipe."""
    store = place.open()
    number = claim(store, attempt=1, uid="u", now=world.AT)
    found = newest(store).manifest
    parts: list[Part] = []
    with ThreadPoolExecutor(RANKS) as ranks:
        for step in itertools.count(found.step + 1 if found else 1):
            save_rank = partial(save_part, store, number, step, parts)
            parts = list(ranks.map(save_rank, range(RANKS)))
            commit(store, parts[0], timeout_s=10)
            os.write(acknowledged, f"{step}\n".encode())
            sweep(store, current_claim=number, keep_last=2, keep_best=False)


def save_part(store: Store, number: int, step: int, previous: Sequence[Part], rank: int) -> Part:
    what = world.info(claim=number, step=step, rank=rank, ranks=RANKS)
    return world.save_slices(store, what, world.slices_of(state(step), rank, RANKS), previous[rank] if previous else None)


def killed_after(seconds: float, place: Place) -> int:
    """Let a child save until it is killed; the last step that it knew to be safe, 0 if none."""
    told, tell = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            save_forever(place, tell)
        finally:
            os._exit(1)
    os.close(tell)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), "the child ended by itself: see its traceback above"
    with os.fdopen(told) as lines:
        return max([0, *map(int, lines.read().split())])


def check_what_is_left(place: Place, at_least: int) -> int:
    """Every checkpoint that exists is whole; the newest is no older than what was acknowledged. Its step."""
    store = place.open()
    for key in candidates(store):
        manifest = load_manifest(store, key)
        assert world.read(store, manifest) == state(manifest.step)
    found = newest(store)
    assert found.skipped == ()
    step = found.manifest.step if found.manifest else 0
    assert step >= at_least
    return step


def check_nothing_is_left_behind(place: Place) -> bool:
    """A new attempt's sweep removes every orphan. Whether there were any."""
    store = place.open()
    number = claim(store, attempt=1, uid="u", now=world.AT)
    before = orphans(store)
    sweep(store, current_claim=number, keep_last=2, keep_best=False)
    assert not orphans(store)
    return bool(before)


def orphans(store: Store) -> set[str]:
    needed = {chunk for key in candidates(store) for chunk in load_manifest(store, key).chunks}
    return {info.key for prefix in (keys.CHUNKS, keys.PARTS) for info in store.list(prefix)} - needed


@pytest.mark.slow
def test_fifty_kills_lose_nothing_and_leave_nothing(place: Place) -> None:
    """After each kill the newest checkpoint loads and is no older than the last acknowledged; the next sweep leaves no orphan."""
    seed = os.environ.get("TANDEM_TEST_SEED") or secrets.token_hex(4)
    moments = random.Random(seed)
    newest_step, with_orphans = 0, 0
    for kill in range(KILLS):
        seconds = moments.uniform(0, LONGEST_S)
        print(f"seed {seed}, kill {kill} after {seconds * 1000:.1f} ms; newest checkpoint: step {newest_step}")
        acknowledged = killed_after(seconds, place)
        newest_step = check_what_is_left(place, max(acknowledged, newest_step))
        with_orphans += check_nothing_is_left_behind(place)
    print(f"seed {seed}: {newest_step} steps were saved on the way; {with_orphans} of {KILLS} kills left orphans to sweep")
    assert newest_step > 0
    assert with_orphans > 0
