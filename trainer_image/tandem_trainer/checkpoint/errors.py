"""What can go wrong with a checkpoint, sorted by what follows: try again, fall back to an older one, or ask a person.

An unreachable store is never `Corrupted`: falling back on it would throw good steps away.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from tandem_objects import ObjectError


class CheckpointError(Exception):
    """A checkpoint could not be saved or read. One line that says which, and why.

    Attributes:
        retryable: Whether the same call may succeed a moment later.
    """

    def __init__(self, line: str, *, retryable: bool = False) -> None:
        super().__init__(line)
        self.retryable = retryable


class Fenced(CheckpointError):  # noqa: N818 - named after what happened, as all of them
    """A newer attempt has claimed this place: whoever gets this may write no more checkpoints."""


class Contested(CheckpointError):  # noqa: N818
    """Another run writes to the same place: a person must give each a place of its own."""


class Corrupted(CheckpointError):  # noqa: N818
    """What the store holds is not what was saved. An older checkpoint may still be whole.

    Attributes:
        key: The manifest, part or chunk that is damaged.
    """

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(f"{key}: {reason}")
        self.key = key


class UnknownVersion(CheckpointError):  # noqa: N818
    """Written by another Tandem, in a way this one cannot read. It is skipped, and never deleted."""


class Mismatch(CheckpointError):  # noqa: N818
    """Checkpoint and model do not belong together, or two ranks disagree about the model. Older ones will not fit either."""


@contextmanager
def during(deed: str) -> Iterator[None]:
    """Turn the store's errors into ours, with a word about what was being done.

    Raises:
        CheckpointError: in place of an ObjectError, as retryable as that was.
    """
    try:
        yield
    except ObjectError as error:
        msg = f"{deed}: {error}"
        raise CheckpointError(msg, retryable=error.retryable) from error
