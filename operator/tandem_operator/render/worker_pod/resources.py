"""How much of a machine a worker gets: cards, memory, processors, and disk where experts lie on one.

Cards and memory are had or not had, so what is asked for is the limit as well. Processors are asked for and not limited: a rank that
prepares data may use what nobody else does. Disk is asked for, so that a node is chosen that has it; the volume has the limit.
"""

from typing import Final

from tandem_operator.api.placement import Accelerator
from tandem_operator.api.quantity import amount
from tandem_operator.api.training_run import TrainingRunSpec
from tandem_operator.render.manifest import Manifest

from .volumes import disk_of_node

CARDS: Final = {Accelerator.NVIDIA: "nvidia.com/gpu", Accelerator.AMD: "amd.com/gpu"}
"""Names under which the device plugins offer cards; nodes with cards are tainted by the same names."""


def resources(spec: TrainingRunSpec) -> Manifest:
    """Requests and limits of a worker."""
    cards = {CARDS[spec.accelerator]: str(spec.gpus_per_worker)} if spec.gpus_per_worker else {}
    memory = {"memory": spec.pod.memory} if spec.pod.memory else {}
    cpu = {"cpu": spec.pod.cpu} if spec.pod.cpu else {}
    disk = {"ephemeral-storage": size} if (size := disk_of_node(spec)) else {}
    amounts = {"requests": {**cpu, **memory, **disk, **cards}, "limits": {**memory, **cards}}
    return {name: each for name, each in amounts.items() if each}


def threads(spec: TrainingRunSpec) -> int | None:
    """CPU threads of a rank: its share of the processors asked for; None when none are, and the agent counts what it may use."""
    return max(1, processors(spec.pod.cpu) // spec.ranks_per_worker) if spec.pod.cpu else None


def processors(quantity: str) -> int:
    """Whole processors of an amount; at least one."""
    return max(1, int(amount(quantity)))
