"""Can the experts of a run be had at all? Each field may be right by itself, and yet they do not fit where they are to be.

The trainer reckons the same (`tandem_trainer.experts.sizes`) and asks the machine as well; `tests/contracts` compares the two.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from tandem_operator.api.quantity import amount
from tandem_operator.api.trainer import ExpertsSpec, LearningRule
from tandem_operator.api.training_run import TrainingRun

_NUMBER_BYTES: Final = 4  # fp32
_LINE: Final = 16  # numbers in a cache line, at which each of an expert's two matrices begins
_WITH_MOMENTS: Final = frozenset({LearningRule.LOCAL_ADAM, LearningRule.END_TO_END})  # Adam's travel with the expert, and its steps
_SHARED: Final = 1 << 16  # numbers of a matrix, of all in a slot that they share, where nobody says how many they are: 32 at most
_TOGETHER: Final = 32
_COPIES: Final = 3  # one to train, and two for checkpoints under way
_WAYS: Final = 2  # from the disk and back
_ITSELF: Final = 512 << 20  # what Python, torch and the agent take of a pod's memory
_UNITS: Final = (("Gi", 2**30), ("Mi", 2**20))
_HOST, _DISK, _POD = "trainer.experts.memory.host", "trainer.experts.memory.disk", "pod.memory"


def problems(run: TrainingRun, *, in_pods: bool) -> Iterator[str]:
    """Why they cannot: a line for each thing to correct. What pods may take counts where there are pods."""
    experts = run.spec.trainer.experts
    if experts is None:
        return
    whole, many = kept_bytes(experts), f"{experts.mixture.count:,} experts"
    memory = {_HOST: experts.memory.host, _POD: run.spec.pod.memory if in_pods else None}
    if experts.memory.disk is None:
        smaller = f"or take fewer or smaller experts, or let them lie on a disk ({_DISK})"
        yield from _too_little(memory, whole, f"{many} need, two checkpoints under way included", smaller)
        return
    disk = {_DISK: experts.memory.disk}
    yield from _too_little(disk, whole, f"{many} need, two checkpoints under way included", "or take fewer or smaller experts")
    yield from _too_little(memory, host_bytes(experts), "experts need on their way to and from the disk", "or take fewer slots")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lying:
    """Where all experts of a run lie: how many, on a disk or not, what they take there, and what of host memory."""

    count: int
    on_disk: bool
    bytes: int
    host_bytes: int


def place(run: TrainingRun) -> Lying | None:
    """Where they lie; None where there are none."""
    experts = run.spec.trainer.experts
    if experts is None:
        return None
    on_disk = experts.memory.disk is not None
    return Lying(count=experts.mixture.count, on_disk=on_disk, bytes=kept_bytes(experts), host_bytes=host_bytes(experts))


def kept_bytes(experts: ExpertsSpec) -> int:
    """What all experts take where they lie, in memory or on a disk, checkpoints under way included."""
    return experts.mixture.count * _row_bytes(experts) * _COPIES


def host_bytes(experts: ExpertsSpec) -> int:
    """Host memory that experts take: all of them, or with a disk those on their way."""
    memory = experts.memory
    if memory.disk is None:
        return kept_bytes(experts)
    together = max(1, min(_TOGETHER, _SHARED // (experts.model.width * experts.mixture.inner_width)))
    group = memory.experts_per_slot or together
    return _WAYS * (memory.streaming_slots + memory.hot_slots) * group * _row_bytes(experts)


def _row_bytes(experts: ExpertsSpec) -> int:
    mixture = experts.mixture
    weights = 2 * _LINE * -(-experts.model.width * mixture.inner_width // _LINE)
    return (3 * weights + _LINE if mixture.learning_rule in _WITH_MOMENTS else weights) * _NUMBER_BYTES


def _too_little(limits: Mapping[str, str | None], needed: int, by: str, fix: str) -> Iterator[str]:
    for field, said in limits.items():
        least_bytes, whose = (needed + _ITSELF, f"{by}, with 512 MiB for the program itself") if field == _POD else (needed, by)
        if said is not None and amount(said) < least_bytes:
            least = f"is less than the {least_bytes:,} bytes that {whose}: write {_rounded_up(least_bytes)} or more, {fix}"
            yield f'spec.{field}: "{said}", {int(amount(said)):,} bytes, {least}'


def _rounded_up(size: int) -> str:
    unit, factor = next((each for each in _UNITS if size >= each[1]), _UNITS[-1])
    return f"{-(-size // factor)}{unit}"
