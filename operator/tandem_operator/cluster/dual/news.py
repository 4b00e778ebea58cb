"""Which look does a word of a coordinator ask for? At once where the run has reached something, else one for mere progress.

A coordinator speaks twice a second for as long as calls are made. Answers, dollars and the calls in flight have their pace with all other
progress (`turns/pace.py`), or runs that only go on would take the requests that others are started and stopped by. What has a run end,
what people are told of by an event, and what they can wait for has none of that: it is told apart here.
"""

from collections.abc import Hashable
from typing import Final

from tandem_operator.api.dual_run import DualBudgetSpec
from tandem_operator.cluster.kube.informer import Key
from tandem_operator.cluster.turns.queue import Queue, Turn
from tandem_operator.plan.dual.values import DualReport

_NEWS_S: Final = 1.0  # a status that is a second old is new enough


class News:
    """What was heard of all runs."""

    def __init__(self, queue: Queue) -> None:
        """Ask `queue` for looks."""
        self._queue = queue
        self._reached: dict[Key, Hashable] = {}

    def heard(self, key: Key, said: DualReport, budget: DualBudgetSpec) -> None:
        """Ask for the look at a run that its newest word is worth; `budget` is what it may cost by its spec."""
        reached = _reached(said, budget)
        if self._reached.get(key) == reached:
            self._queue.add_later(key, _NEWS_S, Turn.PROGRESS)
        else:
            self._reached[key] = reached
            self._queue.add_reached(key)

    def forget(self, key: Key) -> None:
        """The run is listened to no more."""
        self._reached.pop(key, None)


def _reached(said: DualReport, budget: DualBudgetSpec) -> Hashable:
    """What a run has reached, as one value: another one is no mere progress."""
    counted = said.total, said.total > 0 and said.done + said.failed >= said.total
    lanes = tuple((lane.name, lane.state.can_be_asked) for lane in said.lanes)
    return (*counted, *_money(said, budget), lanes, said.memory and said.memory.state, said.checkpoint)


def _money(said: DualReport, budget: DualBudgetSpec) -> tuple[Hashable, ...]:
    """Whether people are to be warned of its end, and whether that has come: by the spec, and by what the coordinator was told."""
    limit = budget.usd
    nearly = limit is not None and float(said.spent_usd) >= float(limit) * budget.warn_at
    return nearly, limit is not None and said.spent_usd >= limit, said.reason, said.cap_usd
