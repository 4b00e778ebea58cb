"""Is the store of the checkpoints there? One that does not answer yet is waited for; one that says no is not asked again.

Where a whole cluster starts, the store may be up after those who use it, and one whose machine was lost is away for minutes. An
attempt that gave up on it would have failed at step 0, and two of those end a run. So no rank is started before the store answers.
"""

from collections.abc import Callable
from types import FrameType
from typing import NoReturn

from tandem_objects import Store

from tandem_trainer.checkpoint.errors import CheckpointError
from tandem_trainer.checkpoint.reader import candidates

_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 15.0  # so long may cards stand still for a store that is back; a look itself takes ten seconds (tandem_objects)


class AskedToLeave(Exception):  # noqa: N818  # it is nobody's fault
    """SIGTERM came before anything was begun: there is nothing to keep, and no rank to pass it on to."""


def leave(_number: int, _frame: FrameType | None) -> NoReturn:
    """What a signal does while the store is waited for.

    Raises:
        AskedToLeave: wherever the agent is.
    """
    raise AskedToLeave


def awaited(store: Store, *, patience_s: float, say: Callable[[str], None]) -> None:
    """Return when `store` answers. Pauses double, with jitter: the workers of many runs must not ask all at once.

    Args:
        store: Where the checkpoints are.
        patience_s: For how long it is asked again, in seconds; the look that is under way then is the last.
        say: Told why it is waited for, and that it is there.

    Raises:
        CheckpointError: at once if address, key or rights are wrong; in the end if it never answered.
    """
    if not patience_s:
        candidates(store)
        return
    from stamina import retry_context  # its import costs a start more than the look at a folder

    def passing(error: Exception) -> bool:
        if not (isinstance(error, CheckpointError) and error.retryable):
            return False
        say(f"waiting for the store: {error}")
        return True

    for attempt in retry_context(
        passing, attempts=None, timeout=patience_s, wait_initial=_FIRST_PAUSE_S, wait_max=_LONGEST_PAUSE_S, wait_jitter=_FIRST_PAUSE_S
    ):
        with attempt:
            candidates(store)
            if attempt.num > 1:
                say("the store answers")
