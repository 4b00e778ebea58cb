"""Who may write checkpoints: the attempt with the highest claim, and no other.

A node that was thought dead may come back and go on training. Its claim is a fencing token: the next attempt's is higher,
and a writer checks before it commits (M. Kleppmann, "How to do distributed locking", 2016). Should it commit in the very
moment between, nothing is lost either: manifests of a higher claim count as newer, whatever their step.
"""

import json
from datetime import datetime

from tandem_objects import Store

from tandem_trainer.checkpoint import keys
from tandem_trainer.checkpoint.errors import Contested, Fenced, during


def claim(store: Store, *, attempt: int, uid: str, now: datetime) -> int:
    """Claim the place for an attempt; called by rank 0, once, before it reads or writes a checkpoint.

    Returns:
        The claim's number, higher than all before. Two that claim at once get different numbers.

    Raises:
        CheckpointError: when the store does not take it.
    """
    body = json.dumps({"attempt": attempt, "uid": uid, "at": now.isoformat()}).encode()
    with during(f"claiming {store.uri} for attempt {attempt}"):
        number = _highest(store) + 1
        while not store.put_if_absent(keys.claim(number), body):
            number = max(_highest(store), number) + 1
    return number


def highest(store: Store) -> int:
    """The number of the newest claim; 0 when there is none."""
    with during(f"reading the claims in {store.uri}"):
        return _highest(store)


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
    if _uid(store, newer) != _uid(store, number):
        msg = f"{msg} of another run: give each run a checkpoint.uri of its own"
        raise Contested(msg)
    msg = f"{msg} of a newer attempt: this attempt must stop"
    raise Fenced(msg)


def _uid(store: Store, number: int) -> str:
    with during(f"reading claim {number} on {store.uri}"):
        return str(json.loads(store.get(keys.claim(number)))["uid"])


def _highest(store: Store) -> int:
    return max((keys.claim_number(info.key) or 0 for info in store.list(keys.CLAIMS)), default=0)
