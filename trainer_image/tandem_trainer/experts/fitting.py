"""Whether all experts fit where they are to lie, in host memory or on a disk. Pure; said before anything is made, with both numbers."""

from dataclasses import dataclass

from tandem_trainer.disk import DiskError
from tandem_trainer.experts.sizes import STAGED, Room, Sizes
from tandem_trainer.host_memory import Limit
from tandem_trainer.refusal import Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """A disk that experts may lie on.

    Attributes:
        declared: Bytes of it that they and their checkpoints under way may take.
        free: Bytes of it that nobody has taken.
        folder: Where it is, as a person calls it.
        is_memory: Whether it is none: a file system in memory.
    """

    declared: int
    free: int
    folder: str
    is_memory: bool = False


def insist_on_memory(sizes: Sizes, limit: Limit) -> None:
    """Make sure that the host can hold all experts.

    Raises:
        Refusal: with what is needed and what there is.
    """
    if sizes.staged_bytes > limit.bytes:
        needed = f"{sizes.count:,} experts need {sizes.staged_bytes:,} bytes of host memory, two checkpoints under way included"
        fix = "take fewer or smaller experts, or more memory, or let them lie on a disk (trainer.experts.memory.disk)"
        message = f"trainer.experts.mixture.count: {needed}, and {limit.said_by} {limit.bytes:,}: {fix}"
        raise Refusal(message)


def insist_on_disk(sizes: Sizes, room: Room, limit: Limit, disk: Disk) -> None:
    """Make sure that the disk can hold all experts, and the host those that are on their way.

    Raises:
        Refusal: with what is needed and what there is.
        DiskError: when it is only that the disk has no room now.
    """
    if disk.is_memory:
        message = f"trainer.experts.memory.disk: {disk.folder} is in memory, not on a disk: mount a disk there, or leave the field out"
        raise Refusal(message)
    needed = f"{sizes.count:,} experts need {sizes.staged_bytes:,} bytes of disk, two checkpoints under way included"
    fix = "take fewer or smaller experts, or more disk"
    if sizes.staged_bytes > disk.declared:
        message = f"trainer.experts.mixture.count: {needed}, and memory.disk says {disk.declared:,}: {fix}"
        raise Refusal(message)
    if sizes.staged_bytes > disk.free:  # for now, and here
        message = f"trainer.experts.memory.disk: {needed}, and on the disk of {disk.folder} there are free {disk.free:,}: {fix}"
        raise DiskError(message)
    passing = room.passing_bytes(sizes)
    if passing > limit.bytes:
        way = f"{room.slots * room.group:,} experts on their way to and from the disk need {passing:,} bytes of host memory"
        message = f"trainer.experts.memory: {way}, and {limit.said_by} {limit.bytes:,}: take fewer slots, or fewer experts in a slot"
        raise Refusal(message)


def insist_on_slots(sizes: Sizes, room: Room, there: Limit) -> None:
    """Make sure that the device can hold the slots, and what experts are worked on with.

    Raises:
        Refusal: with what is needed and what there is.
    """
    needed = room.bytes(sizes)
    if needed > there.bytes:
        places = f"slots for {room.slots * room.group:,} experts, and what they are worked on with, need {needed:,} bytes"
        fix = "take fewer slots, fewer experts in a slot, or no keepActivations"
        message = f"trainer.experts.memory: {places}, and {there.said_by} {there.bytes:,}: {fix}"
        raise Refusal(message)


def insist_on_rest(sizes: Sizes, shared_bytes: int, declared: int) -> None:
    """Make sure that the disk was also declared large enough for what a checkpoint holds besides experts, once that is known.

    Raises:
        Refusal: with what is needed and what was declared.
    """
    needed = sizes.staged_bytes + STAGED * shared_bytes
    if needed > declared:
        rest = f"{needed:,} bytes of disk, with what all tokens share in two checkpoints under way"
        message = f"trainer.experts.memory.disk: says {declared:,}, and {sizes.count:,} experts need {rest}: write {needed:,} or more"
        raise Refusal(message)
