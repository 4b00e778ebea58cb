"""The wire between a rank and its agent: a socket pair on which small messages travel, and now and then a file descriptor.

A rank never touches the network for Tandem: it says what it did and hands over snapshots in shared memory; the agent, which
survives it, reports and uploads. A frame is a length, then JSON; a descriptor rides on the first byte of its frame.
"""

import array
import ctypes
import json
import os
import signal
import socket
import struct
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from tandem_trainer.checkpoint.layout import Placed

AGENT_FD = "TANDEM_AGENT_FD"
AGENT_PID = "TANDEM_AGENT_PID"
_PR_SET_PDEATHSIG = 1  # prctl(2)
_LENGTH = struct.Struct("<I")


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """Rank to agent: where this attempt goes on from, and the manifests that could not be read on the way there."""

    step: int
    passed_over: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stepped:
    """Rank to agent: one optimizer step is done.

    `step` and `tokens` count from the beginning of the run and include it; loss in nats a token; `seconds` is its length;
    `spikes` and `refused_updates` count from the beginning of the attempt.
    """

    step: int
    phase: str
    loss: float
    tokens: int
    tokens_per_second: float
    learning_rate: float
    seconds: float
    gradient_norm: float | None = None
    utilization: float | None = None
    device_memory_bytes: int | None = None
    broken_experts: int | None = None
    refused_updates: int = 0
    spikes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Rank to agent: state as of `step` lies in the shared memory whose descriptor comes with this; keep it safe."""

    rank: int
    step: int
    claim: int
    generation: int
    bytes: int
    loss: float
    tokens: int
    blocked_seconds: float
    layout: tuple[Placed, ...]
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """Rank to agent: this is the end, and why, in one line."""

    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """Agent to rank: the memory of that generation may be written again."""

    generation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """Agent to rank: the folders of the token shards, one for each phase."""

    shards: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Save:
    """Agent to rank 0: keep state of a step later than `after`, as soon as there is some, and train on."""

    after: int


Message = Resumed | Stepped | Snapshot | Ended | Released | Prepared | Save
_KINDS: dict[str, type[Message]] = {kind.__name__: kind for kind in (Resumed, Stepped, Snapshot, Ended, Released, Prepared, Save)}


class Link:
    """One end of the wire.

    Sending blocks until the other side has room; receiving never waits longer than it was told. ConnectionError means
    that the other side is gone.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._buffer = bytearray()
        self._descriptors: list[int] = []

    def fileno(self) -> int:
        """For selectors."""
        return self._sock.fileno()

    def send(self, message: Message, descriptor: int | None = None) -> None:
        """Send one message, and a descriptor with it."""
        body = json.dumps({"kind": type(message).__name__, **asdict(message)}).encode()
        frame = _LENGTH.pack(len(body)) + body
        if descriptor is not None:
            sent = socket.send_fds(self._sock, [frame], [descriptor])
            frame = frame[sent:]
        self._sock.sendall(frame)

    def receive(self, timeout_s: float | None = None) -> tuple[Message, int | None] | None:
        """The next message and the descriptor that came with it; None when none came in time."""
        self._sock.settimeout(timeout_s)
        try:
            while (message := self._parse()) is None:
                self._read()
        except (TimeoutError, BlockingIOError):
            return None
        finally:
            self._sock.settimeout(None)
        return message, self._descriptors.pop(0) if isinstance(message, Snapshot) else None

    def close(self) -> None:
        """Hang up."""
        self._sock.close()

    def _read(self) -> None:
        room = socket.CMSG_SPACE(array.array("i").itemsize)
        data, ancillary, _, _ = self._sock.recvmsg(1 << 16, room)
        if not data:
            message = "the other side of the link is gone"
            raise ConnectionError(message)
        for level, kind, content in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                received = array.array("i")
                received.frombytes(content[: len(content) - len(content) % received.itemsize])
                self._descriptors.extend(received)
        self._buffer += data

    def _parse(self) -> Message | None:
        if len(self._buffer) < _LENGTH.size:
            return None
        end = _LENGTH.size + _LENGTH.unpack_from(self._buffer)[0]
        if len(self._buffer) < end:
            return None
        told: dict[str, Any] = json.loads(bytes(self._buffer[_LENGTH.size : end]))
        del self._buffer[:end]
        return _message(told)


def _message(told: dict[str, Any]) -> Message:
    """A message from its JSON, which knows no tuples."""
    kind = _KINDS[told.pop("kind")]
    if kind is Snapshot:
        told["layout"] = tuple(Placed(**{**placed, "shape": tuple(placed["shape"])}) for placed in told["layout"])
    fields: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in told.items()}
    return kind(**fields)


def pair() -> tuple[Link, int]:
    """The agent's end, and the descriptor that the rank inherits."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
        ours.setsockopt(socket.SOL_SOCKET, option, 1 << 20)
        theirs.setsockopt(socket.SOL_SOCKET, option, 1 << 20)
    return Link(ours), theirs.detach()


def to_agent(environ: Mapping[str, str]) -> Link | None:
    """The rank's end; None for a process that no agent started, such as a script tried by hand."""
    if AGENT_FD not in environ:
        return None
    descriptor = int(environ[AGENT_FD])
    os.set_inheritable(descriptor, False)  # noqa: FBT003  # that is how it is called
    return Link(socket.socket(fileno=descriptor))


def die_with_agent(environ: Mapping[str, str]) -> None:
    """Called in a rank: should its agent be killed, the kernel ends the rank too, so that none trains on unwatched."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(environ.get(AGENT_PID, os.getppid())):
        os.kill(os.getpid(), signal.SIGKILL)  # it was killed before the kernel had been told
