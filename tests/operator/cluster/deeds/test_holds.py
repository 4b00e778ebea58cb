"""What is known of a disruption budget when the server did not say what became of a write, or was in the way of itself."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from tandem_operator.api.reading.run_file import from_object
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.cluster.deeds.holds import Holds
from tandem_operator.cluster.kube.errors import KubeError
from tandem_operator.cluster.kube.informer import Key
from tandem_operator.render.disruption_budget import disruption_budget

from tests.cluster.fault_proxy import FaultProxy
from tests.cluster.faults import Fault, Kind
from tests.operator.cluster.clients import client
from tests.operator.cluster.runs import Run

_BUDGETS = "/apis/policy/v1/namespaces/{}/poddisruptionbudgets"


class Told:
    """A run of two workers, and what becomes of its budget."""

    def __init__(self, run: Run, holds: Holds) -> None:
        self._run, self._holds = run, holds
        known = from_object(run.create(workers=2).found())
        assert isinstance(known, TrainingRun)
        self._known = known

    async def keep(self, *, hold: bool) -> None:
        await self._holds.keep(disruption_budget(self._known, hold=hold), self._known.metadata.uid, hold=hold)

    async def let_go(self) -> None:
        await self._holds.let_go((self._run.namespace, self._run.name), self._known.metadata.uid)

    async def read(self) -> None:
        await self._holds.read(self._run.namespace)

    async def compared(self) -> list[Key]:
        """Whose budget was not as it was written."""
        changed: list[Key] = []
        await self._holds.compare(self._run.namespace, changed.append)
        return changed

    def least(self) -> list[int | str]:
        """What the budgets of the namespace say."""
        return [each["spec"]["minAvailable"] for each in self._run.api.items(_BUDGETS.format(self._run.namespace))]


def played(run: Run, proxy: FaultProxy, story: Callable[[Told], Coroutine[Any, Any, None]]) -> None:
    async def in_its_loop() -> None:
        async with client(proxy.kubeconfig) as kube:
            await story(Told(run, Holds(kube, lambda _: None)))

    asyncio.run(in_its_loop())


def unanswered(proxy: FaultProxy, verb: str) -> None:
    proxy.program([Fault(kind=Kind.LOST_ANSWER)], verbs={verb}, path="/poddisruptionbudgets")


def test_a_hold_that_was_made_without_an_answer_is_let_go(run: Run, proxy: FaultProxy) -> None:
    """The wish may be another before the write comes again: a drain would be refused for a run that has nothing to lose."""

    async def story(told: Told) -> None:
        unanswered(proxy, "create")
        with pytest.raises(KubeError):
            await told.keep(hold=True)
        await told.keep(hold=False)
        assert told.least() == [0]

    played(run, proxy, story)


def test_a_hold_that_was_let_go_without_an_answer_is_taken_up_again(run: Run, proxy: FaultProxy) -> None:
    """Else workers would be evicted with steps that are not saved."""

    async def story(told: Told) -> None:
        await told.keep(hold=True)
        unanswered(proxy, "patch")
        with pytest.raises(KubeError):
            await told.keep(hold=False)
        await told.keep(hold=True)
        assert told.least() == [2]

    played(run, proxy, story)


def test_a_run_that_can_no_longer_be_read_is_held_by_nothing_that_was_not_answered(run: Run, proxy: FaultProxy) -> None:
    """Its machines can be mended, whatever is wrong with it."""

    async def story(told: Told) -> None:
        unanswered(proxy, "create")
        with pytest.raises(KubeError):
            await told.keep(hold=True)
        await told.let_go()
        assert told.least() == [0]

    played(run, proxy, story)


def test_a_conflict_over_a_quota_is_no_budget_of_somebody_else(run: Run, proxy: FaultProxy) -> None:
    """It passes, and the budget is made at the next look."""

    async def story(told: Told) -> None:
        proxy.program([Fault(kind=Kind.CONFLICT)], verbs={"create"}, path="/poddisruptionbudgets")
        with pytest.raises(KubeError):
            await told.keep(hold=True)
        await told.keep(hold=True)
        assert told.least() == [2]

    played(run, proxy, story)


def test_a_percentage_that_somebody_has_written_is_put_right(run: Run, proxy: FaultProxy) -> None:
    """Whoever may edit budgets can write anything there; nobody who reads it may fall over that, and so leave all other runs alone."""

    async def story(told: Told) -> None:
        await told.keep(hold=True)
        run.api.patch(f"{_BUDGETS.format(run.namespace)}/{run.name}", {"spec": {"minAvailable": "0%"}})
        changed = await told.compared()
        assert changed == [(run.namespace, run.name)]
        await told.keep(hold=True)
        assert told.least() == [2]

    played(run, proxy, story)


def test_a_successor_reads_a_percentage(run: Run, proxy: FaultProxy) -> None:
    """It begins with what it finds, whatever that is."""

    async def story(told: Told) -> None:
        await told.keep(hold=True)
        run.api.patch(f"{_BUDGETS.format(run.namespace)}/{run.name}", {"spec": {"minAvailable": "50%"}})
        await told.read()
        await told.keep(hold=False)
        assert told.least() == [0]

    played(run, proxy, story)
