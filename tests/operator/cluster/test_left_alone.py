"""A run that cannot be accepted costs nothing: it is looked at once for each edit, and told of once, whatever else there is to do."""

import re
from collections.abc import Callable

import pytest

from tests.cluster.fault_proxy import FaultProxy
from tests.cluster.faults import WRITES
from tests.operator.cluster.api import Api
from tests.operator.cluster.operators import Operator
from tests.operator.cluster.runs import Run, eventually
from tests.operator.cluster.test_process import asked
from tests.parts.running import free_port

OTHERS = 10
REFUSED = {"checkpoint": {"uri": "file:///kept/run"}}  # of a pod's own disk, which goes with it
MENDED = {"pod": {"volumes": [{"claim": "kept", "mountPath": "/kept"}]}}  # what it waits for then is another story


def figure(port: int, name: str) -> float:
    """A figure of an operator's."""
    found = re.search(rf"^{re.escape(name)} ([0-9.e+]+)$", asked(port, "/metrics")[1], re.MULTILINE)
    return float(found[1]) if found else 0.0


@pytest.mark.usefixtures("kubelets")
def test_a_run_that_is_not_accepted(run: Run, api: Api, proxy: FaultProxy, operators: Callable[..., Operator]) -> None:
    """It is neither looked at nor written again while others come and are edited; mended, it is looked at without being asked for."""
    port = free_port()
    operator = operators(probes_listen=f"127.0.0.1:{port}").start()
    run.create(**REFUSED)
    run.until_condition("Accepted", status="False")
    stood = run.found()

    others = [Run(api, run.namespace, f"other-{number}").create(**REFUSED) for number in range(OTHERS)]
    for each in others:
        each.until_condition("Accepted", status="False")
        each.edit(deadline="1h")
    for each in others:
        each.until(observedGeneration=2)
    eventually("all writes to be counted", lambda: figure(port, 'tandem_operator_writes_total{kind="status"}') >= 1 + 2 * OTHERS)

    assert figure(port, "tandem_operator_looks_total") == 1 + 2 * OTHERS, "one for each run that came, and one for each edit"
    assert figure(port, 'tandem_operator_writes_total{kind="status"}') == 1 + 2 * OTHERS
    assert len(proxy.requests(verbs=WRITES, path=r"/trainingruns/r(/status)?$")) == 1
    assert run.found() == stood
    eventually("it to be told", run.events)
    assert [reason for reason, _ in run.events()] == ["NotAccepted"]

    run.edit(**MENDED)
    assert run.until_condition("Accepted", status="True")
    assert "the watch has not told" not in operator.log.read_text()
