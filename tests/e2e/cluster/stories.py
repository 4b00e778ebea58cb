"""Runs of `patient_program.py`: what befalls each of them while it stands still, and to the last number how it must come out."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.e2e.cluster import patient_program
from tests.e2e.cluster.installation import Applied, Tenant
from tests.operator.cluster.chronicle import Chronicle
from tests.operator.cluster.record import Told

STEPS, EVERY = 200, 50
HOLDS: Final = (EVERY, 2 * EVERY)  # steps after which a run stands still: it is known to do so once they are saved
LEAVES_AFTER = 2  # steps: the one that it put off, and the one in which it heeds that it was asked
STAYS, TAKEN = "node1", "node2"  # the operator is on the first
ENDED: Final = {"Succeeded", "Failed"}

Happening = Iterator[None]
"""Goes on whenever somebody asks for the next, until it is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One run of a story, and what is known of it without asking anybody."""

    run: Applied
    chronicle: Chronicle

    @property
    def status(self) -> Mapping[str, Any]:
        """As it was told of last."""
        told = self.chronicle.newest(self.run.name)
        return told.status if told else {}

    @property
    def saved(self) -> int:
        """The step of its newest checkpoint."""
        return self.status.get("checkpoint", {}).get("step", 0)

    def pods(self, attempt: int) -> Mapping[str, Told]:
        """Those of an attempt by name, as they were told of last."""
        return {
            told.name: told
            for told in self.chronicle.pods.told
            if told.labels["tandem.dev/run"] == self.run.name and told.attempt == attempt
        }


Act = Callable[[Scene], Happening]


def _loses_a_pod(scene: Scene) -> Happening:
    yield from ()
    scene.run.tenant.kubectl("delete", "pod", f"{scene.run.name}-{scene.status['attempt']}-0", "--wait=false")


def _rests(scene: Scene) -> Happening:
    scene.run.edit(suspend=True)
    yield from until(lambda: scene.status.get("phase") == "Suspended")
    scene.run.edit(suspend=False)


def _is_sent_away(scene: Scene) -> Happening:
    """A node of its own will be gone, of two as a rule; it is there again for others once the run is elsewhere."""
    cluster, attempt = scene.run.tenant.installation.cluster, scene.status["attempt"]
    assert TAKEN in _nodes(scene, attempt)  # both, where the scheduler had not heard of the run's Service yet: the other is rather full
    cluster.node_notice(TAKEN, "nth")
    yield from until(lambda: _nodes(scene, attempt + 1) == [STAYS, STAYS])
    cluster.node_untaint(TAKEN)


def _nodes(scene: Scene, attempt: int) -> list[str]:
    """Where the pods of an attempt are, as far as that is decided."""
    return sorted(pod.found["spec"].get("nodeName", "") for pod in scene.pods(attempt).values())


def until(happened: Callable[[], bool]) -> Happening:
    """Nothing, while it has not."""
    while not happened():
        yield


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What befalls a run, one act at each of its holds."""

    acts: tuple[Act, ...] = ()
    preemptions: int = 0
    workers: int = 1

    @property
    def holds(self) -> tuple[int, ...]:
        """The steps after which it stands still."""
        return HOLDS[: len(self.acts)]

    def begin(self, tenant: Tenant, small: Mapping[str, Any]) -> Applied:
        """A run of it. One worker stays where no machine goes; two are on both."""
        nowhere_else = {"nodeSelector": {"kubernetes.io/hostname": STAYS}}
        program = Path(patient_program.__file__).name
        return tenant.apply(
            small,
            workers=self.workers,
            trainer={"script": {"path": f"/program/{program}", "args": [str(step) for step in self.holds]}},
            phases=[{"name": "all", "steps": STEPS}],
            checkpoint={"everySteps": EVERY, "keepLast": 1000},
            placement={} if self.workers > 1 else nowhere_else,
            pod={"memory": "1Gi", "volumes": [{"mountPath": "/program", "configMap": "program"}]},
        )

    def outcome(self) -> Mapping[str, Any]:
        """What its status says in the end."""
        counts = {"attempt": len(self.acts) + 1, "preemptions": self.preemptions, "failures": 0, "lostSteps": 0}
        return {"phase": "Succeeded", "step": STEPS, "workers": self.workers, **counts}

    def pods(self, run: Applied) -> set[str]:
        """All that there must have been."""
        return {f"{run.name}-{attempt}-{rank}" for attempt in self.saved() for rank in range(self.workers)}

    def saved(self) -> Mapping[int, list[int]]:
        """The steps that have a checkpoint, by attempt: those that one was due at, and the one that an attempt left after."""
        ends = [*(step + LEAVES_AFTER for step in self.holds), STEPS]
        starts = [0, *ends[:-1]]
        return {
            attempt: sorted({end, *(step for step in range(EVERY, STEPS, EVERY) if start < step < end)})
            for attempt, (start, end) in enumerate(zip(starts, ends, strict=True), 1)
        }


def provide_program(tenant: Tenant) -> None:
    """What the pods of all stories mount."""
    tenant.kubectl("create", "configmap", "program", f"--from-file={patient_program.__file__}")


STORIES: Final = (
    Story(acts=(_is_sent_away,), preemptions=1, workers=2),
    Story(acts=(_loses_a_pod, _rests), preemptions=1),
    Story(),
    Story(acts=(_rests,)),
)
"""The last has an act, so that a run goes on for as long as it is wanted."""
