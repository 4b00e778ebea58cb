"""An API server that fails in every way, now and then: what an operator has to live with."""

from tests.cluster.fault_proxy import FaultProxy
from tests.cluster.faults import WRITES, Fault, Kind

_FOR_SURE = 7  # of what is expected so often, none at all comes once in a thousand times: exp(-7)
_TROUBLES = (
    (Fault(kind=Kind.CONFLICT), {"patch", "create"}, 0.05),
    (Fault(kind=Kind.TOO_MANY, seconds=1), {"patch", "create", "delete", "list"}, 0.02),
    (Fault(kind=Kind.BROKEN), {"patch", "create", "delete", "update", "list"}, 0.04),
    (Fault(kind=Kind.UNAVAILABLE), {"patch", "create", "delete"}, 0.02),
    (Fault(kind=Kind.LOST_REQUEST), WRITES, 0.03),
    (Fault(kind=Kind.LOST_ANSWER), WRITES, 0.05),
    (Fault(kind=Kind.SLOW, seconds=0.4), WRITES | {"list", "watch"}, 0.05),
    (Fault(kind=Kind.CUT, events=3), {"watch"}, 0.2),
    (Fault(kind=Kind.GONE, events=2), {"watch"}, 0.2),
    (Fault(kind=Kind.GONE), {"list"}, 0.03),
)
OBJECTS = "/(pods|services|poddisruptionbudgets|trainingruns|events|nodes)"


def make_trouble(proxy: FaultProxy) -> None:
    """From now on requests for objects of runs, and watches of them, meet all of it."""
    for fault, verbs, probability in _TROUBLES:
        proxy.inject(fault, verbs=verbs, path=OBJECTS, probability=probability)


def missed(proxy: FaultProxy) -> set[Kind]:
    """The faults that nobody met. On a busy machine few requests are made, and of a fault that few of them could meet that says nothing."""
    could = [(fault.kind, probability * len(proxy.requests(verbs=verbs, path=OBJECTS))) for fault, verbs, probability in _TROUBLES]
    return {kind for kind, expected in could if expected > _FOR_SURE and not proxy.met(kind)}
