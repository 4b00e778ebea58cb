"""Can the experts of a run be had at all? Each field may be right by itself, and yet they do not fit where they are to be.

The trainer reckons the same (`tandem_trainer.experts.sizes`) and asks the machine as well; `tests/contracts` compares the two.
"""

from collections.abc import Iterator
from typing import Final

from tandem_operator.api.quantity import amount
from tandem_operator.api.trainer import ExpertsSpec, LearningRule
from tandem_operator.api.training_run import TrainingRun

_NUMBER_BYTES: Final = 4  # fp32
_LINE: Final = 16  # numbers in a cache line, at which each of an expert's two matrices begins
_WITH_MOMENTS: Final = frozenset({LearningRule.LOCAL_ADAM, LearningRule.END_TO_END})  # Adam's travel with the expert, and its steps
_COPIES: Final = 3  # one to train, and two for checkpoints under way
_UNITS: Final = (("Gi", 2**30), ("Mi", 2**20))


def problems(run: TrainingRun, *, in_pods: bool) -> Iterator[str]:
    """Why they cannot: a line for each thing to correct. What pods may take counts where there are pods."""
    experts = run.spec.trainer.experts
    if experts is None:
        return
    limits = {"trainer.experts.memory.host": experts.memory.host, "pod.memory": run.spec.pod.memory if in_pods else None}
    for field, said in limits.items():
        if said is not None and amount(said) < host_bytes(experts):
            least = f"{host_bytes(experts):,} bytes that {experts.mixture.count:,} experts need, two checkpoints under way included"
            fix = f"write {_rounded_up(host_bytes(experts))} or more, or take fewer or smaller experts"
            yield f'spec.{field}: "{said}", {int(amount(said)):,} bytes, is less than the {least}: {fix}'


def host_bytes(experts: ExpertsSpec) -> int:
    """Host memory that all experts take, checkpoints under way included."""
    mixture = experts.mixture
    weights = 2 * _LINE * -(-experts.model.width * mixture.inner_width // _LINE)
    row = 3 * weights + _LINE if mixture.learning_rule in _WITH_MOMENTS else weights
    return mixture.count * row * _NUMBER_BYTES * _COPIES


def _rounded_up(size: int) -> str:
    unit, factor = next((each for each in _UNITS if size >= each[1]), _UNITS[-1])
    return f"{-(-size // factor)}{unit}"
