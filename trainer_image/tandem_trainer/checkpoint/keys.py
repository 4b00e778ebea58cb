"""Where everything lies under a run's checkpoint uri.

    claims/000002.json                                  who may write (claim.py)
    chunks/000002/000000000120-00003-<digest>           bytes that rank 3 uploaded for step 120 under claim 2
    parts/000002/000000000120/00003.json                what rank 3 saved for step 120
    manifests/000002-000000000120.json                  step 120 exists, since this does

A chunk is named after its contents, and after the save that uploaded it: contents that go away and come back get a new name.
So an upload in flight can never be hit by retention deleting "the same" chunk of an older checkpoint.
"""

import re
from dataclasses import dataclass

CLAIMS = "claims/"
CHUNKS = "chunks/"
PARTS = "parts/"
MANIFESTS = "manifests/"

_CLAIM = re.compile(r"claims/(\d{6,})\.json")
_MANIFEST = re.compile(r"manifests/(\d{6,})-(\d{12,})\.json")
_OF_A_SAVE = re.compile(r"(?:chunks/(\d{6,})/(\d{12,})-\d{5,}-[0-9a-f]{32}|parts/(\d{6,})/(\d{12,})/\d{5,}\.json)")


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Save:
    """A step saved under a claim. They are ordered as they came: a later claim is newer, whatever its step."""

    claim: int
    step: int


def claim(number: int) -> str:
    """Key of a claim."""
    return f"{CLAIMS}{number:06d}.json"


def chunk(save: Save, rank: int, digest: str) -> str:
    """Key of a chunk."""
    return f"{CHUNKS}{save.claim:06d}/{save.step:012d}-{rank:05d}-{digest}"


def parts(save: Save) -> str:
    """What the keys of all parts of a step begin with."""
    return f"{PARTS}{save.claim:06d}/{save.step:012d}/"


def part(save: Save, rank: int) -> str:
    """Key of one rank's part."""
    return f"{parts(save)}{rank:05d}.json"


def manifest(save: Save) -> str:
    """Key of a manifest."""
    return f"{MANIFESTS}{save.claim:06d}-{save.step:012d}.json"


def claim_number(key: str) -> int | None:
    """The number of a claim; None when the key is none of ours."""
    match = _CLAIM.fullmatch(key)
    return int(match[1]) if match else None


def manifest_save(key: str) -> Save | None:
    """What a manifest is of; None when the key is none of ours."""
    match = _MANIFEST.fullmatch(key)
    return Save(claim=int(match[1]), step=int(match[2])) if match else None


def uploaded_for(key: str) -> Save | None:
    """The save that a chunk or part was uploaded for; None when the key is none of ours."""
    match = _OF_A_SAVE.fullmatch(key)
    return Save(claim=int(match[1] or match[3]), step=int(match[2] or match[4])) if match else None


def chunk_digest(key: str) -> str:
    """The digest in a chunk's name."""
    return key.rpartition("-")[2]
