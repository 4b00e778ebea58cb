"""Which checkpoints stay, and how the others go: the manifest first, then what only it needed.

Killed anywhere in between, a sweep leaves bytes that no manifest names, and the next sweep deletes those. It never leaves
a manifest that names bytes which are gone. It never deletes what other agents may be uploading at that moment: under the
claim in force, only what was uploaded for steps older than the newest whole checkpoint. An agent saves in order and shares
chunks with its save just before, so what such a step left and that checkpoint does not name, no later save can name.
"""

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from tandem_objects import Store

from tandem_trainer.checkpoint import keys
from tandem_trainer.checkpoint.claim import ensure_in_force
from tandem_trainer.checkpoint.errors import Corrupted, UnknownVersion, during
from tandem_trainer.checkpoint.keys import Save
from tandem_trainer.checkpoint.manifest import Manifest
from tandem_trainer.checkpoint.reader import Skipped, load_manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What retention needs to know of a checkpoint."""

    key: str
    save: Save
    loss: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """What a sweep did: manifests removed, chunks and parts deleted, and what it could not read and left alone."""

    removed: tuple[str, ...]
    objects: int
    skipped: tuple[Skipped, ...]


def retained(checkpoints: Iterable[Standing], *, keep_last: int, keep_best: bool, distrusted: Collection[str] = ()) -> frozenset[str]:
    """Keys of the checkpoints that stay. Pure.

    The newest `keep_last` stay, at least one, and the one with the lowest loss, the newer of two that are equal. One that
    is distrusted, because it could not be read, takes nobody's place, and goes when all that stay are newer.
    """
    newest_first = sorted(checkpoints, key=lambda each: each.save, reverse=True)
    trusted = [each for each in newest_first if each.key not in distrusted]
    last = trusted[: max(1, keep_last)]
    best = min((each for each in trusted if _finite(each.loss)), key=lambda each: each.loss or 0.0, default=None)
    stay = {each.key for each in last} | ({best.key} if best and keep_best else set[str]())
    return frozenset(stay | {each.key for each in newest_first if not last or each.save > last[-1].save})


def sweep(
    store: Store,
    *,
    current_claim: int,
    keep_last: int,
    keep_best: bool,
    distrusted: Collection[str] = (),
    final: bool = False,
) -> Swept:
    """Delete the checkpoints that do not stay, and what crashes left behind. Called by rank 0's agent after a commit.

    What an unreadable manifest may refer to is left alone: everything of its claim and before.

    Args:
        store: Where.
        current_claim: The caller's claim.
        keep_last: How many of the newest stay.
        keep_best: Whether the one with the lowest loss stays as well.
        distrusted: Manifests whose chunks turned out damaged when they were read.
        final: Nothing is being uploaded any more: whatever no checkpoint needs may go.

    Raises:
        Fenced: when a newer attempt has claimed the place; nothing was deleted.
        CheckpointError: when the store fails; the next sweep goes on from there.
    """
    with during(f"sweeping checkpoints in {store.uri}"):
        ensure_in_force(store, current_claim)
        shelf = _look(store)  # before the chunks: of a manifest that was there, all chunks must be there too
        stored = {info.key: info.bytes for prefix in (keys.CHUNKS, keys.PARTS) for info in store.list(prefix)}
        broken = {manifest.key for manifest in shelf.manifests if not _whole(manifest, stored)}
        standing = [Standing(key=manifest.key, save=manifest.save, loss=manifest.loss) for manifest in shelf.manifests]
        named = retained(standing, keep_last=keep_last, keep_best=keep_best, distrusted={*distrusted, *broken})
        stay = [manifest for manifest in shelf.manifests if manifest.key in named or manifest.claim <= shelf.untouchable]
        removed = tuple(manifest.key for manifest in shelf.manifests if manifest not in stay)
        store.delete(removed)
        needed = {chunk for manifest in stay for chunk in manifest.chunks}
        until = _end_of_uploads(stay, current_claim, final=final)
        unneeded = [key for key in stored if key not in needed and _abandoned(key, shelf.untouchable, until)]
        store.delete(unneeded)
    return Swept(removed=removed, objects=len(unneeded), skipped=shelf.skipped)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shelf:
    """All manifests there are. `untouchable` is the highest claim that an unreadable one may refer to; 0 when there is none."""

    manifests: tuple[Manifest, ...]
    skipped: tuple[Skipped, ...]
    untouchable: float


def _look(store: Store) -> _Shelf:
    manifests: list[Manifest] = []
    skipped: list[Skipped] = []
    untouchable = 0.0
    for info in store.list(keys.MANIFESTS):
        save = keys.manifest_save(info.key)
        try:
            manifests.append(load_manifest(store, info.key))
        except (Corrupted, UnknownVersion) as error:
            skipped.append(Skipped(key=info.key, reason=f"{error}; nothing as old as it will be deleted while it is there"))
            untouchable = max(untouchable, save.claim if save else math.inf)
    return _Shelf(manifests=tuple(manifests), skipped=tuple(skipped), untouchable=untouchable)


def _whole(manifest: Manifest, stored: Mapping[str, int]) -> bool:
    return all(stored.get(key) == chunk.bytes for key, chunk in manifest.chunks.items())


def _end_of_uploads(stay: Iterable[Manifest], current_claim: int, *, final: bool) -> Save:
    """Whatever was uploaded for saves before this one is either in a checkpoint or will never be in one."""
    if final:
        return Save(claim=current_claim + 1, step=0)
    newest_step = max((manifest.step for manifest in stay if manifest.claim == current_claim), default=0)
    return Save(claim=current_claim, step=newest_step)


def _abandoned(key: str, untouchable: float, until: Save) -> bool:
    save = keys.uploaded_for(key)
    return save is not None and untouchable < save.claim and save < until


def _finite(loss: float | None) -> bool:
    return loss is not None and math.isfinite(loss)
