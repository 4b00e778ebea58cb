"""Who may write checkpoints: the attempt with the highest claim, and no other.

A node that was thought dead may come back and go on training. Its claim is a fencing token: the next attempt's is higher,
and a writer checks before it commits (M. Kleppmann, "How to do distributed locking", 2016). Should it commit in the very
moment between, nothing is lost either: manifests of a higher claim count as newer, whatever their step.

Numbers are given out as they are asked for, but never out of order: an attempt that asks only after a later one of its run
gets none. So among the claims of a run the highest number is always that of its latest attempt.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from tandem_objects import Store

from tandem_trainer.checkpoint import keys
from tandem_trainer.checkpoint.errors import Contested, Fenced, during


def claim(store: Store, *, attempt: int, uid: str, now: datetime) -> int:
    """Claim the place for an attempt; called by rank 0, once, before it reads or writes a checkpoint.

    Returns:
        The claim's number, higher than all before. Two that claim at once get different numbers.

    Raises:
        Fenced: when a later attempt of the same run has claimed the place already.
        CheckpointError: when the store does not take it.
    """
    body = json.dumps({"attempt": attempt, "uid": uid, "at": now.isoformat()}).encode()
    with during(f"claiming {store.uri} for attempt {attempt}"):
        taken = _numbers(store)
        while True:
            _ensure_none_is_later(store, taken, attempt, uid)
            number = max(taken, default=0) + 1
            if store.put_if_absent(keys.claim(number), body):
                return number
            taken = {number, *_numbers(store)}  # whoever was quicker may be a later attempt


def highest(store: Store) -> int:
    """The number of the newest claim; 0 when there is none."""
    with during(f"reading the claims in {store.uri}"):
        return max(_numbers(store), default=0)


def ensure_in_force(store: Store, number: int) -> None:
    """Go on only if nobody newer has claimed the place.

    Raises:
        Fenced: when a newer attempt of the same run has.
        Contested: when another run has: two that write to one place would fence each other off for ever.
    """
    newer = highest(store)
    if newer <= number:
        return
    msg = f"claim {number} on {store.uri} is superseded by claim {newer}"
    with during(f"reading claims {newer} and {number} on {store.uri}"):
        ours = _holder(store, newer).uid == _holder(store, number).uid
    if not ours:
        msg = f"{msg} of another run: give each run a checkpoint.uri of its own"
        raise Contested(msg)
    msg = f"{msg} of a newer attempt: this attempt must stop"
    raise Fenced(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Holder:
    """Whose a claim is."""

    uid: str
    attempt: int


def _ensure_none_is_later(store: Store, numbers: Iterable[int], attempt: int, uid: str) -> None:
    """Of a run's claims the newest tells: no other is of a later attempt."""
    for number in sorted(numbers, reverse=True):
        holder = _holder(store, number)
        if holder.uid != uid:
            continue
        if holder.attempt > attempt:
            msg = f"claim {number} on {store.uri} is of attempt {holder.attempt}: attempt {attempt} came too late and must stop"
            raise Fenced(msg)
        return


def _holder(store: Store, number: int) -> _Holder:
    told = json.loads(store.get(keys.claim(number)))
    return _Holder(uid=str(told["uid"]), attempt=int(told["attempt"]))


def _numbers(store: Store) -> set[int]:
    numbers = (keys.claim_number(info.key) for info in store.list(keys.CLAIMS))
    return {number for number in numbers if number is not None}
