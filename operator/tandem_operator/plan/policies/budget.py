"""What has the run cost, and may it cost more? Every worker is paid for as long as it stands on a machine, useful or not.

Spend is added up look by look and kept in the status, so prices may change and planners may die on the way. At a share of
the budget people are warned; at the whole of it the run checkpoints and stops. A larger budget lets it go on by itself.
"""

from collections import defaultdict
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, Decimal
from enum import StrEnum

from tandem_operator.api.status import RunStatus
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.api.upkeep import OnExhausted
from tandem_operator.plan.endings import Ending
from tandem_operator.plan.phases import Reason
from tandem_operator.plan.values import Seen, SeenWorker

_HOUR_S = Decimal(3600)
_KEPT = Decimal("1e-12")  # fine enough for a millisecond of the cheapest machine, short enough to read
_MILLISECOND_S = Decimal("0.001")


class Standing(StrEnum):
    """How the spend stands to the budget."""

    UNLIMITED = "Unlimited"
    WITHIN = "WithinBudget"
    NEARLY = "NearlyExhausted"
    EXHAUSTED = "Exhausted"


def added_up(run: TrainingRun, seen: Seen, now: datetime) -> RunStatus:
    """The status with everything charged up to `now`; the same status when there is nothing to charge."""
    paid = [(price, _paid_for(sharing, run.status.looked_at, now)) for price, sharing in _bills(run, seen)]
    if not any(length for _, length in paid):
        return run.status
    cost = sum((price * _seconds(length) / _HOUR_S for price, length in paid), Decimal(0))
    return run.status.model_copy(update={"spent_usd": (run.status.spent_usd + cost).quantize(_KEPT), "looked_at": now})


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
    wait_s = (ahead[0] - run.status.spent_usd) / rate * _HOUR_S
    return timedelta(seconds=float(wait_s.quantize(_MILLISECOND_S, rounding=ROUND_CEILING)))


def usd_per_hour(run: TrainingRun, seen: Seen) -> Decimal:
    """What is being paid at this moment."""
    return sum((price for price, sharing in _bills(run, seen) if any(map(_stands, sharing))), Decimal(0))


def said(run: TrainingRun) -> str:
    """Spend and budget in words."""
    limit = run.spec.budget.usd
    return f"{dollars(run.status.spent_usd)} spent" if limit is None else f"{dollars(run.status.spent_usd)} of {dollars(limit)} spent"


def dollars(usd: Decimal) -> str:
    """An amount as people read it: cents, and below a dollar hundredths of cents where there are any; of less two digits."""
    if 0 < usd < Decimal("0.0001"):
        return f"${usd.quantize(Decimal(1).scaleb(usd.adjusted() - 1)):f}"
    return f"${usd:.2f}" if usd >= 1 else f"${usd:.4f}".removesuffix("00")


def _warned_at(run: TrainingRun, limit: Decimal) -> Decimal:
    return limit * Decimal(str(run.spec.budget.warn_at))


def _bills(run: TrainingRun, seen: Seen) -> list[tuple[Decimal, list[SeenWorker]]]:
    """Who shares what at which price: a node with a price is paid once, however many workers it holds."""
    sharing: defaultdict[tuple[str, str], list[SeenWorker]] = defaultdict(list)
    prices: dict[tuple[str, str], Decimal] = {}
    for worker in (worker for worker in (*seen.workers, *seen.vanished) if worker.placed):
        node = seen.node(worker.node)
        if node is None or node.usd_per_hour is None:
            place, price = ("worker", worker.name), run.spec.budget.usd_per_worker_hour
        else:
            place, price = ("node", node.name), node.usd_per_hour
        prices[place] = price
        sharing[place].append(worker)
    return [(prices[place], workers) for place, workers in sharing.items()]


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
