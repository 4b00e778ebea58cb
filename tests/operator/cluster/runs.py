"""TrainingRuns as people write them, and how a test follows what becomes of them."""

import time
from collections.abc import Callable
from typing import Any, Self, TypeVar

from tests.operator.cluster.api import PODS, RUNS, Api, Object, RefusedError
from tests.operator.cluster.kubelets import PLACEMENT

_PAUSE_S = 0.05
_PATIENCE_S = 300  # what takes seconds on an idle machine
_T = TypeVar("_T")

SPEC: dict[str, Any] = {
    "trainer": {"script": {"path": "/code/train.py"}},
    "phases": [{"name": "all", "steps": 100}],
    "checkpoint": {"uri": "s3://bucket/run"},
    "placement": PLACEMENT,
    "restart": {"backoff": {"first": "1s", "longest": "1s"}, "maxNoProgress": 100},
}

DUAL_SPEC: dict[str, Any] = {
    "questions": {"source": "questions/philosophy.jsonl"},
    "lanes": [
        {"name": "local", "kind": "Local", "url": "http://local.example/v1", "model": "small"},
        {
            "name": "cloud",
            "kind": "Cloud",
            "url": "http://cloud.example/v1",
            "model": "large",
            "apiKeySecret": {"name": "keys", "key": "cloud"},
            "price": {"usdPerMillionOutputTokens": 1},
        },
    ],
    "budget": {"usd": 5},
}


def eventually(what: str, found: Callable[[], _T], waited: Callable[[], object] = lambda: "") -> _T:
    """The value of `found` once it is one.

    Raises:
        AssertionError: If that takes too long; with what `waited` says then.
    """
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        if value := found():
            return value
        assert time.monotonic() < deadline, f"gave up waiting for {what}: {waited()}"
        time.sleep(_PAUSE_S)


def is_served(api: Api, collection: str) -> bool:
    """Whether its objects can be listed: the server says 404 and 429 while it sets up the storage of a new definition."""
    try:
        api.get(collection)
    except RefusedError:
        return False
    return True


class Run:
    """A run of a test, by its name."""

    kind, label, usual = "TrainingRun", "tandem.dev/run", SPEC

    def __init__(self, api: Api, namespace: str, name: str) -> None:
        self.api, self.namespace, self.name = api, namespace, name
        self.collection = RUNS.format(namespace).replace("trainingruns", f"{self.kind.lower()}s")
        self.path = f"{self.collection}/{name}"

    def create(self, **spec: Any) -> Self:
        self.api.create(self.collection, self._body(spec))
        return self

    def would_be(self, **spec: Any) -> Object:
        """The spec that the server would keep, were this run created now."""
        return self.api.create(f"{self.collection}?dryRun=All", self._body(spec))["spec"]

    def _body(self, spec: Object) -> Object:
        return {"apiVersion": "tandem.dev/v1alpha1", "kind": self.kind, "metadata": {"name": self.name}, "spec": {**self.usual, **spec}}

    def edit(self, **spec: Any) -> None:
        self.api.patch(self.path, {"spec": spec})

    def found(self) -> Object:
        return self.api.get(self.path)

    @property
    def status(self) -> Object:
        return self.found().get("status", {})

    def pods(self) -> dict[str, Object]:
        found = self.api.items(PODS.format(self.namespace), labelSelector=f"{self.label}={self.name}")
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

        return eventually(f"condition {kind} of {self.name} to be {wanted}", said, lambda: f"it is {self.status}")

    def condition(self, kind: str) -> Object | None:
        return next((each for each in self.status.get("conditions", []) if each["type"] == kind), None)

    def events(self) -> list[tuple[str, str]]:
        """Reasons and notes of what was told of the run, the oldest first."""
        path = f"/apis/events.k8s.io/v1/namespaces/{self.namespace}/events"
        ours = {"kind": self.kind, "name": self.name}
        found = [each for each in self.api.items(path) if ours.items() <= each["regarding"].items()]
        return [(each["reason"], each["note"]) for each in sorted(found, key=lambda each: each["eventTime"])]


class DualRun(Run):
    """A DualRun of a test."""

    kind, label, usual = "DualRun", "tandem.dev/dual-run", DUAL_SPEC

    def until_pods(self, *slots: str) -> Object:
        """Its pods by slot, once these and no others are there and up."""

        def up() -> Object | None:
            found = {_slot(pod): pod for pod in self.pods().values() if pod["status"].get("phase") == "Running"}
            alive = [pod for pod in self.pods().values() if pod["status"].get("phase") in {"Pending", "Running"}]
            return found if set(found) == set(slots) and len(alive) == len(slots) else None

        return eventually(f"pods {slots} of {self.name}", up, lambda: [self.pods().keys(), self.status])


def _slot(pod: Object) -> str:
    labels = pod["metadata"]["labels"]
    return f"{labels['tandem.dev/role']}-{labels['tandem.dev/index']}"
