"""The checkpoints that a run has, read from their manifests: a checkpoint exists if and only if its manifest does.

The layout is the trainer's (`tandem_trainer.checkpoint`): `manifests/<claim>-<step>.json`, newest last by name. A later claim is
newer whatever its step.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from tandem_objects import Store, open_store

_MANIFESTS = "manifests/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A checkpoint; `problem` says why its manifest cannot be read, and the rest is then as good as its name tells."""

    uri: str
    step: int
    attempt: int | None = None
    at: datetime | None = None
    loss: float | None = None
    ranks: int | None = None
    size_bytes: int | None = None
    problem: str = ""


def kept(uri: str, environ: Mapping[str, str] = os.environ) -> tuple[Kept, ...]:
    """The checkpoints at `uri`, newest first.

    Raises:
        tandem_objects.ObjectError: when the store cannot be read.
    """
    store = open_store(uri, environ)
    keys = [entry.key for entry in store.list(_MANIFESTS) if entry.key.endswith(".json")]
    return tuple(_kept(store, key) for key in sorted(keys, key=_order, reverse=True))


def best(checkpoints: tuple[Kept, ...]) -> Kept | None:
    """The one with the lowest loss."""
    return min((one for one in checkpoints if one.loss is not None), key=lambda one: one.loss or 0.0, default=None)


def _kept(store: Store, key: str) -> Kept:
    named = Kept(uri=store.address(key), step=_order(key)[1])
    try:
        told = cast("dict[str, object]", json.loads(store.get(key)))
        chunks = cast("Mapping[str, Mapping[str, object]]", told["chunks"])
        return Kept(
            uri=named.uri,
            step=int(str(told["step"])),
            attempt=int(str(told["attempt"])),
            at=datetime.fromisoformat(str(told["at"])),
            loss=None if told.get("loss") is None else float(str(told["loss"])),
            ranks=int(str(told["worldSize"])),
            size_bytes=sum(int(str(chunk["bytes"])) for chunk in chunks.values()),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return Kept(uri=named.uri, step=named.step, problem=f"manifest cannot be read: {type(error).__name__}: {error}")


def _order(key: str) -> tuple[int, int]:
    """Claim and step from a manifest's name; a stray name comes last."""
    claim, _, step = key.removeprefix(_MANIFESTS).removesuffix(".json").partition("-")
    return (int(claim), int(step)) if claim.isdigit() and step.isdigit() else (-1, -1)
