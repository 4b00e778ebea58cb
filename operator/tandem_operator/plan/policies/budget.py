"""What has the run cost, and may it cost more? Every worker is paid for as long as it stands on a machine, useful or not.

Spend is added up look by look and kept in the status, so prices may change and planners may die on the way. At a share of
the budget people are warned; at the whole of it the run checkpoints and stops. A larger budget lets it go on by itself.

A node with a price is paid in full by the runs that have workers there, each by their number: whoever is alone on a large machine pays
for all of it, and no more is charged than it costs. Who else is there is known at each look, so it counts from then on.

Who runs where nobody says a price costs nothing as far as anybody knows: then a budget holds over nothing, and that is said.
"""

from collections import defaultdict
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, Decimal
from enum import StrEnum
from typing import Final

from tandem_operator.api.dollars import dollars, rounded
from tandem_operator.api.status import RunStatus
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.api.upkeep import OnExhausted
from tandem_operator.plan.endings import Ending
from tandem_operator.plan.phases import Reason
from tandem_operator.plan.values import HERE, Seen, SeenWorker

_HOUR_S = Decimal(3600)
_KEPT = Decimal("1e-12")  # fine enough for a millisecond of the cheapest machine, short enough to read
_MILLISECOND_S = Decimal("0.001")
LONGEST_S = Decimal(100 * 365 * 86400)
"""A century: a budget that lasts longer is not looked at for that reason, and no calendar has to know when it would end."""

NODE_PRICE: Final = "tandem.dev/usd-per-hour"
"""Annotation or label of a node: what it costs an hour, where that is known."""


class Standing(StrEnum):
    """How the spend stands to the budget."""

    UNLIMITED = "Unlimited"
    WITHIN = "WithinBudget"
    NEARLY = "NearlyExhausted"
    EXHAUSTED = "Exhausted"
    NO_PRICE = "NoPrice"


def added_up(run: TrainingRun, seen: Seen, now: datetime) -> RunStatus:
    """The status with everything charged up to `now`; the same status when there is nothing to charge."""
    paid_until = _paid_until(run, seen, now)
    paid = [(price, _paid_for(sharing, paid_until, now)) for price, sharing in _bills(run, seen)]
    if not any(length for _, length in paid):
        return run.status if paid_until == run.status.looked_at else run.status.model_copy(update={"looked_at": paid_until})
    cost = sum((price * _seconds(length) / _HOUR_S for price, length in paid), Decimal(0))
    return run.status.model_copy(update={"spent_usd": rounded(run.status.spent_usd + cost, _KEPT), "looked_at": now})


def exhausted(run: TrainingRun) -> Ending | None:
    """The end of the money, if it has come."""
    limit = run.spec.budget.usd
    if limit is None or standing(run) is not Standing.EXHAUSTED:
        return None
    final = run.spec.budget.on_exhausted is OnExhausted.FAIL
    message = f"the budget of {dollars(limit)} is spent" + ("" if final else ": raise spec.budget.usd to go on")
    return Ending(reason=Reason.BUDGET_EXHAUSTED, message=message, final=final)


def standing(run: TrainingRun) -> Standing:
    """How the spend stands to the budget as it is written now."""
    limit = run.spec.budget.usd
    if limit is None:
        return Standing.UNLIMITED
    if run.status.spent_usd >= limit:
        return Standing.EXHAUSTED
    return Standing.NEARLY if run.status.spent_usd >= _warned_at(run, limit) else Standing.WITHIN


def unpriced(run: TrainingRun, seen: Seen, before: str) -> str:
    """What to do about workers that run and cost nothing as far as anybody knows, although there is a limit; empty where there are none.

    While nobody runs, what was said `before` stands: what has run without a price is not counted any better by now.
    """
    if run.spec.budget.usd is None or run.spec.budget.usd_per_worker_hour is not None:
        return ""
    running = [worker for worker in seen.workers if _stands(worker) and not worker.waiting]
    if not running:
        return before
    worker = next((worker for worker in running if _node_price(worker, seen) is None), None)
    if worker is None:
        return ""
    if worker.node == HERE:
        return without_a_price(HERE)
    node = f"node {worker.node}"
    annotated = f"; or the annotation {NODE_PRICE} of {node} to those of the whole machine" if seen.node(worker.node) else ""
    return without_a_price(node) + annotated


def free_said(run: TrainingRun) -> str:
    """That a limit does not count some machines, where the run says so: definitions of old said it for runs that said nothing."""
    free = run.spec.budget.usd is not None and run.spec.budget.usd_per_worker_hour == 0
    return "workers count as free on machines that bear no price: spec.budget.usdPerWorkerHour is 0" if free else ""


def without_a_price(where: str) -> str:
    """That nobody says what a worker costs there, what becomes of the limit, and what to do about it."""
    return (
        f"what a worker costs on {where} is not known, so it counts as free and spec.budget.usd does not limit it:"
        " set spec.budget.usdPerWorkerHour to dollars an hour, such as 1.50, or to 0 if it is free"
    )


def until_next(run: TrainingRun, seen: Seen) -> timedelta | None:
    """How long until the next limit at the present rate of spending: the warning, or the end.

    Rounded up to a millisecond, so that a look at that moment finds the limit reached.
    """
    limit, rate = run.spec.budget.usd, usd_per_hour(run, seen)
    if limit is None or not rate:
        return None
    ahead = [mark for mark in (_warned_at(run, limit), limit) if mark > run.status.spent_usd]
    if not ahead:
        return None
    wait_s = min((ahead[0] - run.status.spent_usd) / rate * _HOUR_S, LONGEST_S)
    return timedelta(seconds=float(wait_s.quantize(_MILLISECOND_S, rounding=ROUND_CEILING)))


def usd_per_hour(run: TrainingRun, seen: Seen) -> Decimal:
    """What is being paid at this moment."""
    return sum((price for price, sharing in _bills(run, seen) if any(map(_stands, sharing))), Decimal(0))


def said(run: TrainingRun) -> str:
    """Spend and budget in words."""
    limit = run.spec.budget.usd
    return f"{dollars(run.status.spent_usd)} spent" if limit is None else f"{dollars(run.status.spent_usd)} of {dollars(limit)} spent"


def _warned_at(run: TrainingRun, limit: Decimal) -> Decimal:
    return limit * Decimal(str(run.spec.budget.warn_at))


def _bills(run: TrainingRun, seen: Seen) -> list[tuple[Decimal, list[SeenWorker]]]:
    """Who shares what at which price: a node with a price is paid once, however many workers it holds."""
    sharing: defaultdict[tuple[str, str], list[SeenWorker]] = defaultdict(list)
    prices: dict[tuple[str, str], Decimal] = {}
    for worker in (worker for worker in (*seen.workers, *seen.vanished) if worker.placed):
        price = _node_price(worker, seen)
        place = ("worker", worker.name) if price is None else ("node", worker.node)
        prices[place] = (run.spec.budget.usd_per_worker_hour or Decimal(0)) if price is None else price
        sharing[place].append(worker)
    return [(prices[place], workers) for place, workers in sharing.items()]


def _node_price(worker: SeenWorker, seen: Seen) -> Decimal | None:
    node = seen.node(worker.node)
    return node.usd_per_hour if node else None


def _paid_until(run: TrainingRun, seen: Seen, now: datetime) -> datetime | None:
    """Until when everything is charged. That is a moment to come if whoever looked last had a clock that was ahead of ours.

    Then that time is paid for, and costs nothing more when it has come. But no more can have been paid ahead than was spent at all: beyond
    that the moment is nobody's, and stops no meter.
    """
    looked_at, rate = run.status.looked_at, usd_per_hour(run, seen)
    if looked_at is None or looked_at <= now or not rate:
        return looked_at
    bought_s = run.status.spent_usd / rate * _HOUR_S
    return looked_at if bought_s >= _seconds(looked_at - now) else now + timedelta(seconds=float(bought_s))


def _paid_for(sharing: list[SeenWorker], paid_until: datetime | None, now: datetime) -> timedelta:
    """For how long at least one of `sharing` stood there since the last look.

    A worker whose machine is not heard of any more, or that has vanished, is paid for until that was noticed. One that ended is paid for
    until it ended; one whose end nobody knows has been paid for at the last look.
    """
    paid = timedelta(0)
    for worker in sorted(sharing, key=lambda worker: worker.since):
        start = max(worker.since, paid_until or worker.since)
        end = now if _stands(worker) or (worker.fenced and not worker.stopping) else min(worker.until or start, now)
        if end > start:
            paid += end - start
            paid_until = end
    return paid


def _stands(worker: SeenWorker) -> bool:
    """Whether it is on its machine at this moment, as far as anybody knows."""
    return worker.live and worker.until is None


def _seconds(length: timedelta) -> Decimal:
    return Decimal(length // timedelta(microseconds=1)) / 1_000_000
