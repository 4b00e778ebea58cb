"""A coordinator and its workers are killed at any moment, as processes are.

`TANDEM_KILLS` says how often.
"""

import os
from pathlib import Path

from tandem_reasoning.ledger import State

from .killing import Plan, Toll, kill, look
from .working import WORST_NANO

KILLS = int(os.environ.get("TANDEM_KILLS", "8"))


def sound(toll: Toll) -> None:
    assert sum(toll.kills.values()) == KILLS
    assert toll.findings == ()
    assert (toll.lost, toll.twice, toll.made_again) == (0, 0, 0)
    assert {"coordinator", "workers"} <= set(toll.kills)


def test_nothing_is_lost_or_done_twice(tmp_path: Path) -> None:
    """Every item is done, every call recorded once and not made again, and all that the lane was paid is booked.

    It is booked as records, as re-billed or as unconfirmed, and nothing else is.
    """
    plan = Plan(kills=KILLS, items=15 * KILLS)
    toll = kill(tmp_path, plan)
    sums = look(tmp_path, plan, toll)
    sound(toll)
    assert sums.items == {(State.DONE, "cloud"): plan.items}
    assert sums.total.calls == plan.items * plan.calls
    assert toll.paid_nano <= sums.total.spent_nano
    assert toll.paid_calls <= sums.total.calls + sums.total.rebilled_calls + sums.total.unconfirmed_calls


def test_the_cap_holds_and_is_used(tmp_path: Path) -> None:
    """With 256 calls in flight and kills, neither books nor lane ever pass the cap, and at least 97 % of it is used."""
    cap_nano = 250 * KILLS * WORST_NANO
    plan = Plan(kills=KILLS, items=150 * KILLS, tasks=64, cap_nano=cap_nano, seed=1)
    toll = kill(tmp_path, plan)
    sums = look(tmp_path, plan, toll)
    sound(toll)
    assert sums.total.reserved_nano == 0
    assert toll.paid_nano <= sums.total.spent_nano <= cap_nano
    assert sums.total.spent_nano >= 0.97 * cap_nano
