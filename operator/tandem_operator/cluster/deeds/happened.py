"""An event of a run as the API has it (events.k8s.io/v1): what `kubectl describe` and `kubectl events` show."""

import hashlib
from datetime import UTC, datetime
from typing import Final

from tandem_operator.api.training_run import API_VERSION
from tandem_operator.cluster.kube.client import FIELD_MANAGER
from tandem_operator.cluster.kube.document import Json
from tandem_operator.cluster.kube.informer import Key
from tandem_operator.cluster.paths import Kind
from tandem_operator.plan.values import Event

_LONGEST_NOTE: Final = 1024  # bytes, of which the API takes no more
_LONGEST_REASON: Final = 128


def event(told: Event, kind: Kind, run: Key, uid: str, now: datetime) -> Json:
    """The event; its name is derived, so that it is told once: a second time is a conflict."""
    at = now.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    mark = hashlib.blake2b(f"{uid} {at} {told.reason}".encode(), digest_size=8).hexdigest()
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": f"{run[1]}.{mark}", "namespace": run[0]},
        "eventTime": at,
        "type": told.kind.value,
        "reason": told.reason[:_LONGEST_REASON],
        "note": told.message.encode()[:_LONGEST_NOTE].decode(errors="ignore"),
        "action": told.reason[:_LONGEST_REASON],
        "reportingController": "tandem.dev/operator",
        "reportingInstance": FIELD_MANAGER,
        "regarding": {
            "apiVersion": API_VERSION,
            "kind": kind.name,
            "namespace": run[0],
            "name": run[1],
            "uid": uid,
        },
    }
