"""What a checkpoint of experts uploads: those that learned since the one before, what all tokens share, and nothing else."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from tandem_objects import StoreFull, open_store
from tandem_trainer.checkpoint.chunks import CHUNK, FINEST
from tandem_trainer.checkpoint.commit import commit
from tandem_trainer.checkpoint.errors import CheckpointError
from tandem_trainer.checkpoint.manifest import Part
from tandem_trainer.checkpoint.reader import newest
from tandem_trainer.experts.moving.slots import HostRows
from tandem_trainer.experts.state import ROWS
from tandem_trainer.experts.train import ExpertsTrainer

from tests.trainer_image.checkpoint import world
from tests.trainer_image.checkpoint.faults import Faulty, failing
from tests.trainer_image.experts.runs import begun, run, shards, steps

__all__ = ["shards"]
COUNT = 48
TOLD = run(count=COUNT, innerWidth=4096, memory={"hotSlots": 1})  # experts of 1 MiB


@dataclass
class Kept:
    """A trainer whose state is kept after every two windows, which only some experts are asked about."""

    trainer: ExpertsTrainer
    store: Faulty
    step: int = 0
    parts: list[Part] = field(default_factory=list[Part])

    def train(self, *asked: int) -> list[int]:
        """Two windows whose tokens are all sent to the experts `asked`; those whose rows are not what they were."""
        layer, rows = self.trainer.mixture.layer, self.trainer._rows
        assert isinstance(rows, HostRows)
        rows_ER = rows.rows_ER
        before = rows_ER.clone()
        self.trainer.mixture.handicap_E.fill_(1e6)[list(asked)] = 0.0
        steps(self.trainer, TOLD, self.step, self.step + 2)
        layer.settle()
        self.step += 2
        return (rows_ER != before).any(1).nonzero().flatten().tolist()

    def save(self) -> tuple[int, int]:
        """A checkpoint; the bytes that were uploaded of rows, and of all else."""
        begun = len(self.store.put_keys)
        part = world.save_slices(self.store, world.info(step=self.step), self.trainer.slices(), *self.parts[-1:])
        self.parts.append(part)
        commit(self.store, part, timeout_s=0)
        of_rows = {stretch.chunk for stretch in part.tensors[ROWS].slices}
        uploaded = self.store.put_keys[begun:]
        rows = sum(part.chunks[key].bytes for key in uploaded if key in of_rows)
        return rows, sum(part.chunks[key].bytes for key in uploaded) - rows

    def state(self) -> dict[str, bytes]:
        """All there is to keep."""
        return {piece.tensor: bytes(piece.data) for piece in self.trainer.slices()}

    def newest(self) -> tuple[int, dict[str, bytes]]:
        """The step of the newest checkpoint, and what it holds."""
        manifest = newest(self.store).manifest
        assert manifest is not None
        return manifest.step, {name: numbers.data for name, numbers in world.read(self.store, manifest).items()}


@pytest.fixture
def kept(shards: Path, tmp_path: Path) -> Kept:
    return Kept(trainer=begun(TOLD, shards), store=Faulty(store=open_store(tmp_path.as_uri(), {}), before=_nothing))


def test_a_save_uploads_the_experts_that_learned_and_what_is_shared(kept: Kept) -> None:
    """All 48 at first; then two, four, and most of 16: so many rows to the byte, and each time as much of trunk, router and moments."""
    rows, shared = kept.save()
    assert rows == COUNT * FINEST
    learned = []
    for asked in ([3, 40], [5, 11, 12, 47], [*range(0, 32, 2)]):
        learned.append(kept.train(*asked))
        assert kept.save() == (len(learned[-1]) * FINEST, shared)
        assert kept.newest() == (kept.step, kept.state())
    assert learned[:2] == [[3, 40], [5, 11, 12, 47]]
    assert 4 < len(learned[2]) <= 16


def test_an_interrupted_save_leaves_the_step_before_whole(kept: Kept) -> None:
    """Some of its experts are in the store already, yet what is read back is of one step: the one before, then the one after."""
    kept.train(1, 2, 3, 4)
    kept.save()
    before = kept.state()
    kept.train(3, 4, 5, 6)
    kept.store.before = failing("put_large", StoreFull("full"), after=2)
    with pytest.raises(CheckpointError, match="what was saved before stands"):
        kept.save()
    assert kept.newest() == (2, before)
    kept.store.before = _nothing
    kept.train(6, 7)
    rows, _ = kept.save()
    assert rows == len({3, 4, 5, 6, 7}) * FINEST
    assert kept.newest() == (6, kept.state())


def test_what_older_versions_saved_is_read(kept: Kept) -> None:
    """They cut rows into chunks of 32 MiB, wherever experts begin and end; the first save after that uploads them anew."""
    whole = [replace(piece, unit=0) for piece in kept.trainer.slices()]
    part = world.save_slices(kept.store, world.info(step=1), whole)
    commit(kept.store, part, timeout_s=0)
    assert max(chunk.bytes for chunk in part.chunks.values()) == CHUNK
    assert kept.newest() == (1, kept.state())
    kept.parts.append(part)
    kept.train(0, 1)
    assert kept.save()[0] == COUNT * FINEST
    assert kept.newest() == (2, kept.state())


def _nothing(_verb: str, _key: str) -> None: ...
