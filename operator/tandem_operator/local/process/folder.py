"""What is on record about one worker.

Its folder is its name: made once, before anything starts, and never made again. In it:

pid     who it is, written by itself before its first instruction, or "nobody" (launch.py)
stop    when it was asked to leave
exit    how it says it ended: {"code", "message"}, written by itself (tandem_rpc.process.last_word, tandem_trainer.agent)
ended   how it ended: {"code", "message", "at"}, written once by the owner when nothing of it is left; final
log     what it printed
steps.jsonl   a line for each optimizer step
"""

import json
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, cast

from tandem_objects.durable import sync_folder

from tandem_operator.local.state import durable

from . import kin, launch
from .identity import Identity

KILLED = 137  # 128 + SIGKILL: gone without a word
_LONGEST_MESSAGE = 300
_NAME = re.compile(r".+-\d+-\d+")


class Name(NamedTuple):
    """The three parts of a worker's name."""

    run: str
    attempt: int
    rank: int

    @classmethod
    def parse(cls, text: str) -> "Name":
        """`<run>-<attempt>-<rank>` in parts."""
        run, attempt, rank = text.rsplit("-", 2)
        return cls(run, int(attempt), int(rank))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a worker ended."""

    code: int
    message: str
    at: datetime


@dataclass(frozen=True, slots=True)
class WorkerFolder:
    """One worker's folder."""

    path: Path

    @property
    def name(self) -> Name:
        """Whose folder it is."""
        return Name.parse(self.path.name)

    @property
    def pid(self) -> Path:
        """The claim: who the worker is."""
        return self.path / "pid"

    @property
    def log(self) -> Path:
        """What the worker printed."""
        return self.path / "log"

    @property
    def steps(self) -> Path:
        """What it trained."""
        return self.path / "steps.jsonl"

    @property
    def _exit(self) -> Path:
        return self.path / "exit"

    @property
    def _first_of_attempt(self) -> "WorkerFolder":
        """The folder of worker 0, which records the steps."""
        return WorkerFolder(self.path.with_name(f"{self.name.run}-{self.name.attempt}-0"))

    def make(self) -> bool:
        """Take the name, durably; False when it was taken before."""
        self.path.parent.mkdir(exist_ok=True)
        try:
            self.path.mkdir()
        except FileExistsError:
            return False
        sync_folder(self.path.parent)
        return True

    def since(self) -> datetime:
        """When it was started, or ordered."""
        known = Identity.read(self.pid)
        return known.at if known else datetime.fromtimestamp(self.path.stat().st_mtime, UTC)

    def settled(self) -> Identity:
        """Who the worker is; if it has not said so by now, it never will: the one who ordered it has died."""
        launch.claim(self.pid, launch.NOBODY | {"at": self.path.stat().st_mtime})
        known = Identity.read(self.pid)
        assert known is not None, "the claim was made by us or before us"
        return known

    def lives(self) -> bool:
        """Whether anything of it runs at this moment, for those who only look: nothing is ended and nothing put on record."""
        if self.ended() is not None:
            return False
        known = Identity.read(self.pid)
        return (known is not None and known.alive) or next(kin.of(self.path), None) is not None

    def stop_asked(self) -> datetime | None:
        """When it was asked to leave, if it was."""
        with suppress(FileNotFoundError, ValueError):
            return datetime.fromisoformat((self.path / "stop").read_text(encoding="utf-8"))
        return None

    def ask_stop(self, now: datetime) -> None:
        """Put on record that it was asked to leave."""
        durable.write(self.path / "stop", now.isoformat())

    def word(self) -> tuple[int, str] | None:
        """How the agent says it ended; None when it said nothing."""
        with suppress(FileNotFoundError, ValueError, KeyError, TypeError):
            told = cast("dict[str, object]", json.loads(self._exit.read_text(encoding="utf-8")))
            return int(str(told["code"])), str(told.get("message", ""))
        return None

    def ended(self) -> Ended | None:
        """How it ended; None while that is not certain."""
        with suppress(FileNotFoundError):
            told = cast("dict[str, object]", json.loads((self.path / "ended").read_text(encoding="utf-8")))
            return Ended(code=int(str(told["code"])), message=str(told["message"]), at=datetime.fromisoformat(str(told["at"])))
        return None

    def end(self, code: int, message: str, at: datetime) -> Ended:
        """Put on record, for good, how it ended."""
        durable.write(self.path / "ended", json.dumps({"code": code, "message": message, "at": at.isoformat()}))
        return Ended(code=code, message=message, at=at)

    def last_sign(self) -> datetime:
        """When it last was there for certain: the best there is, for one that ended while nobody looked.

        Only worker 0 records steps, and the others may never print a word. But a step is made by all workers of an attempt
        together, so its record is a sign of life of each, unless it has said before that it leaves.
        """
        signs = [self.since(), *_written(self.log, self.steps, self._exit)]
        if not self._exit.exists():
            signs += _written(self._first_of_attempt.steps)
        return max(signs)

    def last_words(self) -> str:
        """The last line of its log: most often the error."""
        try:
            with self.log.open("rb") as log:
                log.seek(max(0, self.log.stat().st_size - 4096))
                printed = [line.strip() for line in log.read().decode(errors="replace").splitlines() if line.strip()]
        except FileNotFoundError:
            return ""
        return printed[-1][:_LONGEST_MESSAGE] if printed else ""


def _written(*paths: Path) -> list[datetime]:
    """When each of these files was last written, of those that are there."""
    found: list[datetime] = []
    for path in paths:
        with suppress(FileNotFoundError):
            found.append(datetime.fromtimestamp(path.stat().st_mtime, UTC))
    return found


def folders(parent: Path) -> tuple[WorkerFolder, ...]:
    """All workers there ever were, in the order of attempt and rank."""
    if not parent.is_dir():
        return ()
    found = (WorkerFolder(path) for path in parent.iterdir() if _NAME.fullmatch(path.name))
    return tuple(sorted(found, key=lambda folder: folder.name))
