"""A watch that falls silent though its connection stays: it is opened anew, and where that does not help the operator notices and says so.

The minutes that this takes are seconds here.
"""

from collections.abc import Callable
from itertools import count

import pytest

from tests.cluster.fault_proxy import FaultProxy
from tests.cluster.faults import Fault, Kind
from tests.operator.cluster.api import Api
from tests.operator.cluster.operators import Operator
from tests.operator.cluster.runs import Run, eventually
from tests.operator.cluster.test_process import asked
from tests.parts.running import free_port

pytestmark = pytest.mark.usefixtures("kubelets")
RUNS = "/trainingruns$"
UNTOLD = "the watch has not told that it changed"


def watches(proxy: FaultProxy) -> list[Kind | None]:
    """The watches of TrainingRuns so far: what befell each."""
    return [each.fault for each in proxy.requests(verbs={"watch"}, path=RUNS)]


def test_a_watch_that_falls_silent(run: Run, proxy: FaultProxy, operators: Callable[..., Operator]) -> None:
    """It is opened anew, and goes on from where it was: a run that was made meanwhile is seen."""
    proxy.program([Fault(kind=Kind.SILENT)], verbs={"watch"}, path=RUNS)
    operator = operators(silent_s="2").start()
    eventually("the watch to be silent", lambda: watches(proxy), operator.last_words)
    run.create()
    run.until(phase="Running")
    assert watches(proxy)[:2] == [Kind.SILENT, None]
    assert UNTOLD not in operator.log.read_text()


def test_a_watch_that_stays_silent(run: Run, api: Api, proxy: FaultProxy, operators: Callable[..., Operator]) -> None:
    """A list tells what it does not: liveness fails and names the run, which is cared for all the same; what is gone is forgotten.

    Whoever is started anew where watches speak again sees everything by them.
    """
    port = free_port()
    gone = Run(api, run.namespace, "gone").create()
    silence = proxy.inject(Fault(kind=Kind.SILENT), verbs={"watch"}, path=RUNS)
    operator = operators(probes_listen=f"127.0.0.1:{port}", silent_s="2", compares_every_s="1").start()
    gone.until(phase="Running")
    eventually("it to be well", lambda: asked(port, "/healthz")[0] == 200, lambda: asked(port, "/healthz"))
    run.create()
    hours = count(1)

    def unwell() -> str:
        run.edit(deadline=f"{next(hours)}h")  # there is always something that the watch has not told
        code, said = asked(port, "/healthz")
        return said if code == 503 else ""

    said = eventually("it to be noticed", unwell, operator.last_words)
    assert "the watch has not told of" in said
    assert f"{run.namespace}/r" in said
    run.until(phase="Running")
    api.delete(gone.path)
    eventually("it to be forgotten", lambda: f"{run.namespace}/gone is gone" in operator.log.read_text(), operator.last_words)
    assert set(watches(proxy)) == {Kind.SILENT}

    operator.stop()
    proxy.clear(silence)
    port = free_port()
    anew = operators(identity="two", probes_listen=f"127.0.0.1:{port}").start()
    eventually("the watch to speak", lambda: watches(proxy)[-1] is None, anew.last_words)
    run.edit(suspend=True)
    run.until(phase="Suspended")
    assert asked(port, "/healthz")[0] == 200
    assert UNTOLD not in anew.log.read_text()
