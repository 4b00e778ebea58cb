"""Whether all experts fit where they are to lie, in host memory or on a disk. Pure; said before anything is made, with both numbers."""

from dataclasses import dataclass
from typing import Final

from tandem_trainer.disk import DiskError
from tandem_trainer.experts.sizes import STAGED, Room, Sizes
from tandem_trainer.host_memory import Limit
from tandem_trainer.refusal import Refusal

_MORE_DISK: Final = "take fewer or smaller experts, or more disk"
_MORE_MEMORY: Final = "take fewer or smaller experts, or more memory, or let them lie on a disk (trainer.experts.memory.disk)"
_WITH_REST: Final = "with what all tokens share in two checkpoints under way"


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """A disk that experts may lie on.

    Attributes:
        declared: Bytes of it that they and their checkpoints under way may take.
        size: All bytes of it that can be taken.
        free: Those of them that nobody has taken.
        folder: Where it is, as a person calls it.
        is_memory: Whether it is none: a file system in memory.
    """

    declared: int
    size: int
    free: int
    folder: str
    is_memory: bool = False

    @property
    def limit(self) -> Limit:
        """What it will never hold more than, whoever frees some of it."""
        limits = (Limit(bytes=self.declared, said_by="memory.disk says"), Limit(bytes=self.size, said_by=f"the disk of {self.folder} has"))
        return min(limits, key=lambda each: each.bytes)


def insist(needed: int, limit: Limit, field: str, said: str, fix: str) -> None:
    """Make sure that so many bytes are within a limit.

    Args:
        needed: How many.
        limit: Of them.
        field: Below trainer.experts, what is to be corrected.
        said: What needs them, with their number.
        fix: How.

    Raises:
        Refusal: with both numbers.
    """
    if needed > limit.bytes:
        message = f"trainer.experts.{field}: {said}, and {limit.said_by} {limit.bytes:,}: {fix}"
        raise Refusal(message)


def insist_on_memory(sizes: Sizes, limit: Limit) -> None:
    """Make sure that the host can hold all experts.

    Raises:
        Refusal: with what is needed and what there is.
    """
    said = f"{sizes.count:,} experts need {sizes.staged_bytes:,} bytes of host memory, two checkpoints under way included"
    insist(sizes.staged_bytes, limit, "mixture.count", said, _MORE_MEMORY)


def insist_on_disk(sizes: Sizes, room: Room, limit: Limit, there: Disk) -> None:
    """Make sure that the disk can hold all experts, and the host those that are on their way.

    Raises:
        Refusal: with what is needed and what there is.
        DiskError: when it is only that the disk has no room now.
    """
    if there.is_memory:
        message = f"trainer.experts.memory.disk: {there.folder} is in memory, not on a disk: mount a disk there, or leave the field out"
        raise Refusal(message)
    needed = f"{sizes.count:,} experts need {sizes.staged_bytes:,} bytes of disk, two checkpoints under way included"
    insist(sizes.staged_bytes, there.limit, "mixture.count", needed, _MORE_DISK)
    if sizes.staged_bytes > there.free:  # for now: who has taken the others may give them back
        free = f"on the disk of {there.folder} there are free {there.free:,}"
        message = f"trainer.experts.memory.disk: {needed}, and {free}: free more, or take another"
        raise DiskError(message)
    insist_on_passing(sizes, room, limit)


def insist_on_passing(sizes: Sizes, room: Room, limit: Limit) -> None:
    """Make sure that the host can hold the experts that are on their way between a disk and the device.

    Raises:
        Refusal: with what is needed and what there is.
    """
    passing = room.passing_bytes(sizes)
    way = f"{room.slots * room.group:,} experts on their way to and from the disk need {passing:,} bytes of host memory"
    insist(passing, limit, "memory", way, "take fewer slots, or fewer experts in a slot")


def insist_on_slots(sizes: Sizes, room: Room, there: Limit) -> None:
    """Make sure that the device can hold the slots, and what experts are worked on with.

    Raises:
        Refusal: with what is needed and what there is.
    """
    needed = room.bytes(sizes)
    places = f"slots for {room.slots * room.group:,} experts, and what they are worked on with, need {needed:,} bytes"
    insist(needed, there, "memory", places, "take fewer slots, fewer experts in a slot, or no keepActivations")


def insist_on_rest(sizes: Sizes, shared_bytes: int, there: Disk) -> None:
    """Make sure that the disk is also large enough for what a checkpoint holds besides experts, once that is known.

    Raises:
        Refusal: with what is needed and what there is.
    """
    needed = sizes.staged_bytes + STAGED * shared_bytes
    insist(needed, there.limit, "memory.disk", f"{sizes.count:,} experts need {needed:,} bytes of disk, {_WITH_REST}", _MORE_DISK)


def insist_on_all(sizes: Sizes, shared_bytes: int, beside_bytes: int, limit: Limit) -> None:
    """Make sure that host memory is also large enough for what a checkpoint holds besides experts, and for what else is there.

    Args:
        sizes: Of the experts.
        shared_bytes: What all tokens share, in a checkpoint.
        beside_bytes: What lies in host memory as well: all that a card would hold, where there is none.
        limit: Of all that a run may take.

    Raises:
        Refusal: with what is needed and what there is.
    """
    needed = sizes.staged_bytes + STAGED * shared_bytes + beside_bytes
    said = f"{sizes.count:,} experts need {needed:,} bytes of host memory, {_WITH_REST}"
    insist(needed, limit, "mixture.count", said, _MORE_MEMORY)
