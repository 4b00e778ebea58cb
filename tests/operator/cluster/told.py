"""A world that is told of the runs, pods and machines of one team."""

import copy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from tandem_operator.cluster.known.machines import Machines
from tandem_operator.cluster.known.world import World
from tandem_operator.cluster.kube.informer import Key

SAMPLES: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "seen/samples.yaml").read_text())
KEY = ("team", "r")
UID, OTHER = "uid-1", "uid-2"
NOW = datetime(2026, 11, 26, 1, 40, tzinfo=UTC)


class Told:
    """A world, whom it has told of news, and the clocks that it goes by: that of the server, and one of its own that nobody sets."""

    def __init__(self, *, nodes_told: bool = True) -> None:
        self.changed: list[Key] = []
        self.stirred: list[Key] = []
        self.now, self.clock = NOW, 1000.0
        machines = Machines(told=nodes_told, clock=lambda: self.clock, now=lambda: self.now)
        self.world = World(self.changed.append, self.stirred.append, lambda: self.now, machines=machines)

    def news(self) -> tuple[list[Key], list[Key]]:
        """What was told since the last question."""
        found = list(self.changed), list(self.stirred)
        self.changed.clear()
        self.stirred.clear()
        return found


def run(version: int, uid: str = UID, **spec: Any) -> dict[str, Any]:
    metadata = {
        "namespace": KEY[0],
        "name": KEY[1],
        "uid": uid,
        "resourceVersion": str(version),
        "managedFields": [{"manager": "x" * 1000}],
    }
    return {"apiVersion": "tandem.dev/v1alpha1", "kind": "TrainingRun", "metadata": metadata, "spec": spec}


def pod(sample: str, attempt: int = 1, rank: int = 0, uid: str = UID) -> dict[str, Any]:
    """A real pod as that worker of the run; on its machine `node1`, if it has one."""
    found = copy.deepcopy(SAMPLES[sample])
    labels = {"tandem.dev/run": KEY[1], "tandem.dev/run-uid": uid, "tandem.dev/attempt": str(attempt), "tandem.dev/rank": str(rank)}
    found["metadata"] |= {"namespace": KEY[0], "name": f"r-{attempt}-{rank}", "uid": f"pod-{attempt}-{rank}-{uid}", "labels": labels}
    if "nodeName" in found["spec"]:
        found["spec"]["nodeName"] = "node1"
    return found


def node(name: str = "node1", sample: str = "node", **annotations: str) -> dict[str, Any]:
    found = copy.deepcopy(SAMPLES[sample])
    found["metadata"] |= {"name": name, "annotations": annotations}
    return found


def names(world: World, uid: str = UID) -> set[str]:
    """Those of the workers that are known of a run."""
    return {seen.worker.name for seen in world.pods_of(KEY, uid)}
