"""TrainingRuns as people write them, and how a test follows what becomes of them."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

from tests.operator.cluster.api import PATIENCE_S, PODS, RUNS, Api, Object
from tests.operator.cluster.kubelets import PLACEMENT

_PAUSE_S = 0.05
_T = TypeVar("_T")

SPEC: dict[str, Any] = {
    "trainer": {"script": {"path": "/code/train.py"}},
    "phases": [{"name": "all", "steps": 100}],
    "checkpoint": {"uri": "s3://bucket/run"},
    "placement": PLACEMENT,
    "restart": {"backoff": {"first": "1s", "longest": "1s"}, "maxNoProgress": 100},
}


def eventually(what: str, found: Callable[[], _T], waited: Callable[[], object] = lambda: "") -> _T:
    """The value of `found` once it is one.

    Raises:
        AssertionError: If that takes too long; with what `waited` says then.
    """
    deadline = time.monotonic() + PATIENCE_S
    while True:
        if value := found():
            return value
        assert time.monotonic() < deadline, f"gave up waiting for {what}: {waited()}"
        time.sleep(_PAUSE_S)


class Run:
    """A run of a test, by its name."""

    def __init__(self, api: Api, namespace: str, name: str) -> None:
        self.api, self.namespace, self.name = api, namespace, name
        self.path = f"{RUNS.format(namespace)}/{name}"

    def create(self, **spec: Any) -> "Run":
        self.api.create(RUNS.format(self.namespace), self._body(spec))
        return self

    def would_be(self, **spec: Any) -> Object:
        """The spec that the server would keep, were this run created now."""
        return self.api.create(f"{RUNS.format(self.namespace)}?dryRun=All", self._body(spec))["spec"]

    def _body(self, spec: Object) -> Object:
        return {"apiVersion": "tandem.dev/v1alpha1", "kind": "TrainingRun", "metadata": {"name": self.name}, "spec": {**SPEC, **spec}}

    def edit(self, **spec: Any) -> None:
        self.api.patch(self.path, {"spec": spec})

    def found(self) -> Object:
        return self.api.get(self.path)

    @property
    def status(self) -> Object:
        return self.found().get("status", {})

    def pods(self) -> dict[str, Object]:
        found = self.api.items(PODS.format(self.namespace), labelSelector=f"tandem.dev/run={self.name}")
        return {each["metadata"]["name"]: each for each in found}

    def until(self, **wanted: Any) -> Object:
        """The status, once it says all of this."""
        last: Object = {}

        def said() -> Object | None:
            last.clear()
            last.update(self.status)
            return last if all(last.get(name) == value for name, value in wanted.items()) else None

        try:
            return eventually(f"{self.name} to be {wanted}", said)
        except AssertionError as error:
            msg = f"{error}: it is {last}"
            raise AssertionError(msg) from None

    def until_condition(self, kind: str, **wanted: Any) -> Object:
        """A condition, once it says all of this."""

        def said() -> Object | None:
            found = self.condition(kind)
            return found if found and all(found.get(name) == value for name, value in wanted.items()) else None

        return eventually(f"condition {kind} of {self.name} to be {wanted}", said)

    def condition(self, kind: str) -> Object | None:
        return next((each for each in self.status.get("conditions", []) if each["type"] == kind), None)

    def events(self) -> list[tuple[str, str]]:
        """Reasons and notes of what was told of the run, the oldest first."""
        path = f"/apis/events.k8s.io/v1/namespaces/{self.namespace}/events"
        ours = {"kind": "TrainingRun", "name": self.name}
        found = [each for each in self.api.items(path) if ours.items() <= each["regarding"].items()]
        return [(each["reason"], each["note"]) for each in sorted(found, key=lambda each: each["eventTime"])]
