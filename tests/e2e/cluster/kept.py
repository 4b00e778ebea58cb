"""What a run has kept in the object store, as anybody reads it: who claimed the place, what was saved by whom, and whether it is whole."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Self

from tandem_objects import ObjectInfo, Store, open_store
from tandem_trainer.checkpoint import keys
from tandem_trainer.checkpoint.manifest import Manifest
from tandem_trainer.checkpoint.reader import candidates, load_manifest

from tests.e2e.cluster.installation import Applied
from tests.trainer_image.checkpoint import world


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """The place of a run's checkpoints; it stays when the run goes."""

    store: Store

    @classmethod
    def of(cls, run: Applied) -> Self:
        """That of a run which is there."""
        ours = run.tenant.installation
        return cls(store=open_store(f"s3://{ours.bucket}/{run.place}", ours.cluster.minio.environ))

    def attempts(self) -> Mapping[int, int]:
        """The attempt of each claim."""
        numbers = [number for info in self.store.list(keys.CLAIMS) if (number := keys.claim_number(info.key)) is not None]
        return {number: json.loads(self.store.get(keys.claim(number)))["attempt"] for number in sorted(numbers)}

    def manifests(self) -> list[Manifest]:
        """All checkpoints, the oldest first."""
        return [load_manifest(self.store, key) for key in reversed(candidates(self.store))]

    def steps(self) -> Mapping[int, list[int]]:
        """The steps that have a manifest, by attempt."""
        steps: dict[int, list[int]] = {}
        for manifest in self.manifests():
            steps.setdefault(manifest.attempt, []).append(manifest.step)
        return steps

    def read_in_full(self) -> list[Manifest]:
        """All checkpoints, the oldest first, after every number of each was read.

        Raises:
            tandem_trainer.checkpoint.errors.Corrupted: If a chunk is not there, or not what was saved.
        """
        found = self.manifests()
        for manifest in found:
            assert world.read(self.store, manifest)
        return found

    def saved_by(self, rank: int) -> int:
        """The last step of which a rank has said what it saved; no checkpoint without that."""
        mine = [
            save.step
            for info in self.store.list(keys.PARTS)
            if info.key.endswith(f"/{rank:05d}.json") and (save := keys.uploaded_for(info.key))
        ]
        return max(mine)

    def written_too_late(self, prefixes: tuple[str, ...] = (keys.CHUNKS, keys.PARTS, keys.MANIFESTS)) -> list[str]:
        """What was written under a claim after a later attempt had claimed the place."""
        ends = {claim: self._claimed_at(later) for claim, later in pairwise(self.attempts())}
        return [info.key for prefix in prefixes for info in self.store.list(prefix) if _is_late(info, ends)]

    def _claimed_at(self, number: int) -> datetime:
        found = self.store.stat(keys.claim(number))
        assert found
        return found.modified


def _is_late(info: ObjectInfo, ends: Mapping[int, datetime]) -> bool:
    save = keys.manifest_save(info.key) or keys.uploaded_for(info.key)
    return save is not None and save.claim in ends and info.modified > ends[save.claim]
