"""Twenty runs and what befalls each of them, in an order that a seed decides: acts that end attempts, and how it must come out."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random
from typing import Any

from tests.operator.cluster.api import PODS, Api, RefusedError
from tests.operator.cluster.chronicle import Chronicle
from tests.operator.cluster.kubelets import Kubelets
from tests.operator.cluster.runs import Run


class Act(StrEnum):
    """What befalls a run."""

    CREATE = "it is created"
    FAIL = "a worker fails"
    PREEMPT = "a worker leaves unasked, with a checkpoint"
    DISRUPT = "the platform says that it will end a worker"
    DELETE = "somebody deletes a worker"
    SUSPEND = "somebody wants it to rest"
    RESUME = "somebody wants it to go on"
    FORBID = "a worker says: never again"
    FINISH = "all workers are done"


_FREE = (Act.PREEMPT, Act.DISRUPT, Act.DELETE)
_LAST_PHASE = {Act.FINISH: "Succeeded", Act.FORBID: "Failed", Act.FAIL: "Failed"}


@dataclass(slots=True, kw_only=True)
class Part:
    """One run and its acts."""

    run: Run
    workers: int
    acts: list[Act]
    spec: dict[str, Any] = field(default_factory=dict)
    played: int = 0
    named: int = 0  # attempts that there must have been when the next act may come

    @property
    def over(self) -> bool:
        """Whether all of its acts were played."""
        return self.played == len(self.acts)

    def __str__(self) -> str:
        return f"{self.run.name} before act {self.played} of {[act.name for act in self.acts]}, named {self.named}: {self.run.status}"

    def outcome(self) -> dict[str, Any]:
        """What its status must say in the end."""
        failures, preemptions = self.acts.count(Act.FAIL), sum(act in _FREE for act in self.acts)
        attempts = failures + preemptions + self.acts.count(Act.SUSPEND) + 1 - (self.acts[-1] is Act.FAIL)
        phase = _LAST_PHASE[self.acts[-1]]
        return {"phase": phase, "attempt": attempts, "failures": failures, "preemptions": preemptions, "workers": self.workers}

    def pods(self) -> set[str]:
        """The names of all pods that there must have been: no act came before its attempt was up."""
        attempts = range(1, self.outcome()["attempt"] + 1)
        return {f"{self.run.name}-{attempt}-{rank}" for attempt in attempts for rank in range(self.workers)}


def cast(api: Api, namespace: str, count: int, chance: Random) -> list[Part]:
    """So many runs, each with acts of its own."""
    parts: list[Part] = []
    for number in range(count):
        middle: list[Act] = []
        for _ in range(chance.randint(1, 4)):
            act = chance.choice([Act.FAIL, *_FREE, Act.SUSPEND])
            middle += [act, Act.RESUME] if act is Act.SUSPEND else [act]
        last, spec = Act.FINISH, {"restart": {"backoff": {"first": "1s", "longest": "1s"}, "maxNoProgress": 100, "maxFailures": 100}}
        if number % 5 == 3:
            last = Act.FORBID
        if number % 5 == 4:
            last = Act.FAIL
            spec["restart"]["maxFailures"] = middle.count(Act.FAIL)
        workers = chance.randint(1, 2)
        acts = [Act.CREATE, *middle, last]
        parts.append(Part(run=Run(api, namespace, f"run-{number}"), workers=workers, acts=acts, spec=spec))
    return parts


class Stage:
    """Where the acts are played: each when its run is where the act makes sense."""

    def __init__(self, api: Api, kubelets: Kubelets, chronicle: Chronicle) -> None:
        self._api, self._kubelets, self._chronicle = api, kubelets, chronicle

    def play(self, part: Part) -> bool:
        """Play the next act, if its moment has come."""
        if part.over:
            return False
        act = part.acts[part.played]
        if act is not Act.CREATE and not self._ready(part, act):
            return False
        part.named = self._attempt(part)
        self._befall(part, act)
        part.played += 1
        return True

    def _ready(self, part: Part, act: Act) -> bool:
        """Whether what the last act brought about is over, and the run stands as this act needs it."""
        told = self._chronicle.newest(part.run.name)
        if told is None:
            return False
        if act is Act.RESUME:
            return told.status.get("phase") == "Suspended"
        last = part.acts[part.played - 1]
        return told.status.get("phase") == "Running" and (last is Act.CREATE or told.status["attempt"] > part.named)

    def _attempt(self, part: Part) -> int:
        told = self._chronicle.newest(part.run.name)
        return told.status.get("attempt", 0) if told else 0

    def _befall(self, part: Part, act: Act) -> None:
        run, names = part.run, list(self._workers(part))
        match act:
            case Act.CREATE:
                run.create(workers=part.workers, **part.spec)
            case Act.SUSPEND | Act.RESUME:
                run.edit(suspend=act is Act.SUSPEND)
            case Act.FAIL | Act.PREEMPT | Act.FORBID:
                self._kubelets.end(run.namespace, names[-1], {Act.FAIL: 1, Act.PREEMPT: 143, Act.FORBID: 93}[act])
            case Act.DISRUPT:
                self._kubelets.disrupt(run.namespace, names[0])
            case Act.DELETE:
                self._api.delete(f"{PODS.format(run.namespace)}/{names[-1]}")
            case Act.FINISH:
                for name in names:
                    self._kubelets.end(run.namespace, name, 0)

    def _workers(self, part: Part) -> Iterator[str]:
        yield from (f"{part.run.name}-{part.named}-{rank}" for rank in range(part.workers))


__all__ = ["Act", "Part", "RefusedError", "Stage", "cast"]
