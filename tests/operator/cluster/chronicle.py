"""The runs and pods of a namespace as the API server told of them, and the laws that hold in it whatever happened.

Kept by watches of its own that no fault befalls, so it knows what an operator cannot: in which order things really came.
"""

from collections import defaultdict
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

from tests.operator.cluster.api import PODS, RUNS, Api, Object
from tests.operator.cluster.record import Record, Told

_NEVER_LESS = ("attempt", "failures", "preemptions", "lostSteps")
_MONEY = ("spentUsd", "lostUsd")
_KEPT = ("startedAt", "finishedAt")
_CONDITIONS = {"Accepted", "Scheduled", "Running", "Checkpointed", "BudgetOK", "Interrupted", "Suspended", "Complete", "Failed"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Chronicle:
    """What was told so far; may be read at any time."""

    runs: Record
    pods: Record

    @classmethod
    @contextmanager
    def of(cls, api: Api, namespace: str) -> Generator[Self]:
        """Written from now on, to the end of it."""
        with Record.of(api, RUNS.format(namespace)) as runs, Record.of(api, PODS.format(namespace)) as pods:
            yield cls(runs=runs, pods=pods)

    def newest(self, name: str) -> Told | None:
        """A run as it was told of last."""
        return next((told for told in reversed(self.runs.told) if told.name == name), None)

    def history(self) -> "History":
        """All that has happened up to now.

        Raises:
            tests.operator.cluster.record.GapError: If that is not known.
        """
        return History(runs=tuple(self.runs.whole()), pods=tuple(self.pods.whole()))


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Everything that happened, in its order."""

    runs: Sequence[Told]
    pods: Sequence[Told]

    def created(self) -> set[str]:
        """The names of all pods that ever were."""
        return {pod.name for pod in self.pods if pod.kind == "ADDED"}

    def breaches(self) -> Iterator[str]:
        """What must never happen and did."""
        yield from self._created_twice()
        yield from self._two_attempts()
        yield from self._unnamed_attempts()
        yield from self._losses()

    def _created_twice(self) -> Iterator[str]:
        uids: defaultdict[str, set[str]] = defaultdict(set)
        for pod in self.pods:
            uids[pod.name].add(pod.uid)
        yield from (f"pod {name} was created {len(found)} times" for name, found in uids.items() if len(found) > 1)

    def _two_attempts(self) -> Iterator[str]:
        living: defaultdict[str, dict[str, int]] = defaultdict(dict)
        for pod in self.pods:
            there = living[pod.labels["tandem.dev/run"]]
            if pod.live:
                there[pod.name] = pod.attempt
            else:
                there.pop(pod.name, None)
            if len(set(there.values())) > 1:
                yield f"at version {pod.version} attempts live side by side: {sorted(there)}"

    def _unnamed_attempts(self) -> Iterator[str]:
        """The number of an attempt is written before any pod of it exists, save the first, which nothing was written before."""
        for pod in self.pods:
            if pod.kind == "ADDED":
                run = pod.labels["tandem.dev/run"]
                before = [told.status.get("attempt", 0) for told in self.runs if told.name == run and told.version < pod.version]
                if not before or before[-1] not in {pod.attempt, pod.attempt if pod.attempt > 1 else 0}:
                    yield f"pod {pod.name} was created while the status of {run} said attempt {before[-1:]}"

    def _losses(self) -> Iterator[str]:
        """Nothing that a status has said is taken back."""
        before: dict[str, Object] = {}
        for run in self.runs:
            last, now = before.get(run.uid, {}), run.status
            for name in _NEVER_LESS:
                if now.get(name, 0) < last.get(name, 0):
                    yield f"{run.name} at version {run.version}: {name} fell from {last[name]} to {now.get(name)}"
            for name in _MONEY:
                if float(now.get(name, 0)) < float(last.get(name, 0)):
                    yield f"{run.name} at version {run.version}: {name} fell from {last[name]} to {now.get(name)}"
            for name in _KEPT:
                if name in last and now.get(name) != last[name]:
                    yield f"{run.name} at version {run.version}: {name} was {last[name]}, is {now.get(name)}"
            if last and {each["type"] for each in now.get("conditions", [])} != _CONDITIONS:
                yield f"{run.name} at version {run.version}: conditions are missing"
            before[run.uid] = now
