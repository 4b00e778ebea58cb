"""Where snapshots of a run lie in an object store, which of them is the newest, and which coordinator may add one.

    <run>/terms/00000003                        a coordinator's claim: the third one
    <run>/snapshots/00000003-00000012.sqlite    its twelfth snapshot
    <run>/manifests/00000003-00000012.json      says that it is whole; written last, so a snapshot exists if and only if this does

Each coordinator claims a term, higher than all before, when it starts. The newest snapshot is the last one by term and number, so a late
one of an older coordinator is never the newest, whatever the moment at which it comes; and it is refused as soon as it is noticed.
"""

import hashlib
import json
import logging
import mmap
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import quote

from tandem_objects import NotFound, ObjectError, Store

from tandem_reasoning.ledger import ReplacedError

KEPT = 3
"""Snapshots that stay: one that a reader is fetching, and one to fall back on."""

_PIECE_BYTES = 8 << 20
_log = logging.getLogger(__name__)


class TakenError(ObjectError):
    """There is a snapshot of this name, and it is not the one that was to be added: it may be spoilt, so add the next one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A snapshot.

    Attributes:
        term: Of the coordinator.
        number: From 1, within the term; one that was not taken may be left out, and none is given twice.
        run: The run's uid.
        bytes: Size.
        sha256: Of all bytes.
        at: When it was taken, seconds since 1970.
        answered: Questions that were answered.
        spent_nano: What was spent, and next what was set aside.
        reserved_nano: See above.
        ended: Whether it was the last word of its coordinator: nothing was spent after it.
    """

    term: int
    number: int
    run: str
    bytes: int
    sha256: str
    at: float
    answered: int
    spent_nano: int
    reserved_nano: int
    ended: bool

    @property
    def name(self) -> str:
        """What its objects are called; names are in the order of age."""
        return f"{self.term:08}-{self.number:08}"


class Shelf:
    """The snapshots of one run."""

    def __init__(self, store: Store, run: str) -> None:
        """Nothing is contacted yet.

        Args:
            store: Where they lie; many runs may share it.
            run: The run's uid.
        """
        self._store, self._run, self._at = store, run, quote(run, safe="")
        self._untidy = ""

    def claim(self) -> int:
        """The term of a coordinator that begins now.

        Raises:
            ObjectError: when the store does not take it.
        """
        while True:
            term = self.highest() + 1
            if self._store.put_if_absent(f"{self._at}/terms/{term:08}", self._run.encode()):
                return term

    def highest(self) -> int:
        """The highest term that was claimed; 0 for none."""
        return max((int(each.key.rpartition("/")[2]) for each in self._store.list(f"{self._at}/terms/")), default=0)

    def ensure_ours(self, term: int) -> None:
        """Go on only while no later coordinator has begun.

        Raises:
            ReplacedError: when one has.
        """
        if (highest := self.highest()) > term:
            msg = f"coordinator {highest} has taken over run {self._run}: coordinator {term} must stop; see that only one is started"
            raise ReplacedError(msg)

    def newest_first(self) -> Iterator[Manifest]:
        """All whole snapshots."""
        for each in sorted(self._store.list(f"{self._at}/manifests/"), key=lambda info: info.key, reverse=True):
            try:
                yield Manifest(**json.loads(self._store.get(each.key)))
            except NotFound:
                continue  # a coordinator has taken it away meanwhile, because there are newer ones

    def newest(self) -> Manifest | None:
        """The newest whole snapshot; None before the first."""
        return next(self.newest_first(), None)

    def put(self, file: Path, manifest: Manifest) -> None:
        """Add a snapshot, then take away what is older than the last few: where the store does not let us, they stay, and that is said.

        After an error it may have been added or not, so the next one needs another name: its bytes would not be those of the manifest.

        Raises:
            ReplacedError: when a later coordinator has begun.
            TakenError: when there is one of this name.
            ObjectError: when the store does not take it.
        """
        self.ensure_ours(manifest.term)
        with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as mapped, memoryview(mapped) as data:
            self._store.put_large(self._snapshot(manifest.name), data)
        self.ensure_ours(manifest.term)
        if not self._store.put_if_absent(self._manifest(manifest.name), json.dumps(asdict(manifest)).encode()):
            msg = f"there is a snapshot {manifest.name} of run {self._run} that somebody else added; the next one gets another name"
            raise TakenError(msg)
        self._tidied()

    def address(self, manifest: Manifest) -> str:
        """Where a snapshot's manifest is, for people and for other tools."""
        return self._store.address(self._manifest(manifest.name))

    def fetch(self, manifest: Manifest, into: Path) -> bool:
        """Write a snapshot to a file; whether it is whole.

        Raises:
            ObjectError: when the store does not give it.
        """
        digest, key = hashlib.sha256(), self._snapshot(manifest.name)
        with into.open("wb") as file:
            for start in range(0, manifest.bytes, _PIECE_BYTES):
                piece = self._store.get_range(key, start, min(_PIECE_BYTES, manifest.bytes - start))
                digest.update(piece)
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        return digest.hexdigest() == manifest.sha256

    def put_file(self, name: str, data: bytes) -> None:
        """Put a file beside the snapshots, over the one that was there."""
        self._store.put(f"{self._at}/{name}", data)

    def _tidied(self) -> None:
        """Tidy, if the store lets us: the snapshot is there in any case, and the next one's turn tidies all that is left."""
        try:
            self._tidy()
        except ObjectError as error:
            if str(error) != self._untidy:  # said once, not at every snapshot
                _log.warning("older snapshots of run %s stay: %s; they take up room, and nothing else", self._run, error)
            self._untidy = str(error)
        else:
            self._untidy = ""

    def _tidy(self) -> None:
        """Manifests go first, so that none names what is not there."""
        manifests = sorted(each.key for each in self._store.list(f"{self._at}/manifests/"))
        kept = {self._snapshot(Path(key).stem) for key in manifests[-KEPT:]}
        self._store.delete(manifests[:-KEPT])
        snapshots = [each.key for each in self._store.list(f"{self._at}/snapshots/")]
        self._store.delete(key for key in snapshots if key not in kept and key < max(kept, default=""))

    def _snapshot(self, name: str) -> str:
        return f"{self._at}/snapshots/{name}.sqlite"

    def _manifest(self, name: str) -> str:
        return f"{self._at}/manifests/{name}.json"


def sha256(file: Path) -> str:
    """Of all bytes of a file."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
