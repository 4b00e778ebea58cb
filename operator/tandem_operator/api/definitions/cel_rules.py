"""What the API server checks before it keeps a run: the rules of the models in CEL, and what may not change later.

Each model's own rules (`@rule`) stand here under the same names; a test compares the two on drawn runs. `oldSelf` rules
hold between two versions of one object (https://kubernetes.io/docs/reference/using-api/cel/): they are what a checkpoint
cannot follow, and `change.py` says the same of a run on one machine.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel

from tandem_operator.api.dual_run import DualCheckpointSpec, DualRun, DualRunSpec, QuestionsSpec
from tandem_operator.api.lane import LaneSpec
from tandem_operator.api.phase import DataSpec, PhaseSpec
from tandem_operator.api.placement import PlacementSpec, Toleration
from tandem_operator.api.pod import OUR_VARIABLES, THEIR_VARIABLE, PodSpec, Variable, VolumeSpec
from tandem_operator.api.trainer import ModelSpec, TrainerSpec
from tandem_operator.api.training_run import TrainingRun, TrainingRunSpec
from tandem_operator.api.upkeep import MANIFESTS


@dataclass(frozen=True, slots=True)
class CelRule:
    """A rule over one object: true when it is kept. `field` is what the message is about; empty for the object itself."""

    rule: str
    message: str
    field: str = ""

    def written(self) -> dict[str, str]:
        """An entry of `x-kubernetes-validations`."""
        place = {"fieldPath": f".{self.field}"} if self.field else {}
        return {"rule": self.rule, "message": self.message, **place}


LISTS_BY_NAME: Final[Mapping[str, str]] = {"phases": "name", "lanes": "name", "experts": "name", "parts": "name", "conditions": "type"}
"""Lists whose entries are told apart by a field: the API server refuses two of one name, and follows each by it."""

_TOTAL_STEPS: Final = (
    "(has(self.steps) ? self.steps : (self.tokens + self.batchSize * self.contextLength - 1) / (self.batchSize * self.contextLength))"
)
_RANKS: Final = (
    "self.workers * (has(self.processesPerWorker) ? self.processesPerWorker : (self.gpusPerWorker > 0 ? self.gpusPerWorker : 1))"
)
_NAME: Final = CelRule(
    "self.metadata.name.matches('^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$')",
    "metadata.name must be lower-case letters, digits and dashes, at most 40, starting with a letter",
)
_HAS_UNIT: Final = "!has(self.{0}) || !self.{0}.matches('[0-9m]$')"
_WRITTEN: Final = "(has({0}.spec.checkpoint) && has({0}.spec.checkpoint.uri) ? {0}.spec.checkpoint.uri : '')"
_URI, _OLD_URI = _WRITTEN.format("self"), _WRITTEN.format("oldSelf")
_SAME_STORE: Final = CelRule(
    "has(self.uri) == has(oldSelf.uri) && (!has(self.uri) || self.uri == oldSelf.uri)",
    "uri cannot change: earlier checkpoints would not be found; start a run of another name",
    "uri",
)

RULES: Final[Mapping[type[BaseModel], Mapping[str, CelRule]]] = {
    TrainingRun: {
        "name": _NAME,
        "same_uri": CelRule(
            f"{_URI} == {_OLD_URI} || !has(oldSelf.status) || !has(oldSelf.status.attempt) || oldSelf.status.attempt == 0 || "
            f"({_URI} != '' && has(oldSelf.status.checkpoint) && oldSelf.status.checkpoint.uri.startsWith({_URI} + '{MANIFESTS}'))",
            "uri cannot change once the run has begun: earlier checkpoints would not be found; start a run of another name",
            "spec.checkpoint.uri",
        ),
    },
    TrainingRunSpec: {
        "shrinks_from_more_to_fewer": CelRule(
            "!has(self.minWorkers) || self.minWorkers <= self.workers",
            "minWorkers is more than workers: lower it or leave it out",
            "minWorkers",
        ),
        "queues_whole": CelRule(
            "!has(self.minWorkers) || !has(self.pod) || !has(self.pod.queue)",
            "minWorkers does not go with pod.queue, which admits all workers or none: leave one of the two out",
            "minWorkers",
        ),
        "cards_have_a_kind": CelRule(
            "(self.accelerator == 'none') == (self.gpusPerWorker == 0)",
            "gpusPerWorker and accelerator go together: set both or neither",
            "gpusPerWorker",
        ),
        "ranks_have_a_card": CelRule(
            "!has(self.processesPerWorker) || self.gpusPerWorker == 0 || self.processesPerWorker <= self.gpusPerWorker",
            "processesPerWorker is more than the cards of a worker: lower it or leave it out",
            "processesPerWorker",
        ),
        "batches_split_evenly": CelRule(
            "!has(self.trainer.deepspeed) || self.phases.all(phase, "
            f"phase.batchSize % ({_RANKS} * self.trainer.deepspeed.microBatchSize) == 0)",
            "each batchSize must be a multiple of workers x ranks per worker x microBatchSize: change one of them",
            "phases",
        ),
        "conversations_have_a_pupil": CelRule(
            "!has(self.trainer.deepspeed) || self.phases.all(phase, has(self.trainer.deepspeed.model.pretrained) == "
            "(has(phase.data) ? phase.data.source : self.data.source).matches('[.]jsonl([.]gz)?$'))",
            "data.source is a .jsonl file of conversations if and only if trainer.deepspeed.model.pretrained names who learns from it",
            "data",
        ),
    },
    TrainerSpec: {
        "exactly_one": CelRule(
            "[has(self.deepspeed), has(self.experts), has(self.offload), has(self.lattice), has(self.script)].filter(set, set).size() == 1",
            "give exactly one trainer: deepspeed or script",
        ),
        "available": CelRule(
            "!has(self.experts) && !has(self.offload) && !has(self.lattice)",
            "experts, offload and lattice are not available in this version: use deepspeed or script",
        ),
        "same_kind": CelRule(
            "has(self.deepspeed) == has(oldSelf.deepspeed) && has(self.script) == has(oldSelf.script)",
            "the kind of trainer cannot change: its checkpoints could not be read; start a run of another name",
        ),
    },
    ModelSpec: {
        "width_splits_into_even_heads": CelRule(
            "self.width % (2 * self.heads) == 0",
            "width must be a multiple of twice the number of heads: change one of them",
            "width",
        ),
        "begins_in_one_way": CelRule(
            "!has(self.huggingFace) || !has(self.pretrained)",
            "huggingFace does not go with pretrained, which has a configuration: leave one of the two out",
            "huggingFace",
        ),
        "same_model": CelRule(
            "self.layers == oldSelf.layers && self.width == oldSelf.width && self.heads == oldSelf.heads && "
            "has(self.huggingFace) == has(oldSelf.huggingFace) && (!has(self.huggingFace) || self.huggingFace == oldSelf.huggingFace) && "
            "has(self.pretrained) == has(oldSelf.pretrained) && (!has(self.pretrained) || self.pretrained == oldSelf.pretrained)",
            "the model cannot change: its checkpoints could not be read; start a run of another name",
        ),
    },
    DataSpec: {
        "same_seed": CelRule(
            "self.seed == oldSelf.seed",
            "seed cannot change: the order of samples would be another; start a run of another name",
            "seed",
        ),
        "same_tokenizer": CelRule(
            "self.tokenizer == oldSelf.tokenizer",
            "tokenizer cannot change: the tokens that were learned would mean something else; start a run of another name",
            "tokenizer",
        ),
    },
    PhaseSpec: {
        "one_length": CelRule("has(self.steps) != has(self.tokens)", "give exactly one of steps and tokens"),
        "warms_up_within_itself": CelRule(
            f"!(has(self.steps) || has(self.tokens)) || self.warmupSteps <= {_TOTAL_STEPS}",
            "warmupSteps is more than the steps of the phase: lower it",
            "warmupSteps",
        ),
    },
    PlacementSpec: {
        "falls_back_only_from_prefer": CelRule(
            "!has(self.onDemandAfter) || self.spot == 'Prefer'",
            "onDemandAfter has a meaning only with spot Prefer: use Prefer or leave it out",
            "onDemandAfter",
        ),
    },
    Toleration: {
        "compares_what_is_there": CelRule(
            "self.operator == 'Exists' ? (!has(self.value) || self.value == '') : (has(self.key) && self.key != '')",
            "operator Exists takes no value, and operator Equal needs a key",
        ),
        "waits_only_for_eviction": CelRule(
            "!has(self.tolerationSeconds) || (has(self.effect) && self.effect == 'NoExecute')",
            "tolerationSeconds has a meaning only with effect NoExecute: set it or leave this out",
            "tolerationSeconds",
        ),
    },
    Variable: {
        "one_source": CelRule("has(self.value) != has(self.secret)", "give exactly one of value and secret"),
        "leaves_our_names_alone": CelRule(
            f"!self.name.matches('^({OUR_VARIABLES})$') || self.name == '{THEIR_VARIABLE}'",
            "this name is Tandem's own: leave the variable out or take another name",
            "name",
        ),
    },
    PodSpec: {
        "memory_has_a_unit": CelRule(_HAS_UNIT.format("memory"), "memory is a number of bytes: write its unit, such as 16Gi", "memory"),
        "shared_memory_has_a_unit": CelRule(
            _HAS_UNIT.format("sharedMemory"), "sharedMemory is a number of bytes: write its unit, such as 4Gi", "sharedMemory"
        ),
    },
    VolumeSpec: {
        "one_source": CelRule(
            "[has(self.claim), has(self.secret), has(self.configMap)].filter(set, set).size() == 1",
            "give exactly one of claim, secret and configMap",
        ),
    },
    DualCheckpointSpec: {"same_uri": _SAME_STORE},
    DualRun: {"name": _NAME},
    QuestionsSpec: {
        "same_source": CelRule(
            "self.source == oldSelf.source",
            "source cannot change: answers belong to its questions; start a run of another name",
            "source",
        ),
    },
    LaneSpec: {
        "one_way_to_its_server": CelRule(
            "[has(self.url), has(self.urls), has(self.engine)].filter(set, set).size() == 1", "give exactly one of url, urls and engine"
        ),
        "its_model_is_named": CelRule(
            "has(self.model) != has(self.engine)",
            "give the name of the model, as the server calls it; leave it out beside engine, which names it",
            "model",
        ),
    },
    DualRunSpec: {
        "asks_for_nothing_of_training": CelRule(
            "(!has(self.placement) || (!has(self.placement.onDemandAfter) && !self.placement.onePerNode)) && "
            "(!has(self.pod) || (!has(self.pod.sharedMemory) && !has(self.pod.queue) && !has(self.pod.graceSeconds)))",
            "placement.onDemandAfter, onePerNode, pod.sharedMemory, queue and graceSeconds have no meaning for a DualRun: leave them out",
        ),
        "limited_lanes_have_a_price": CelRule(
            "!has(self.budget.usd) || self.lanes.all(lane, lane.kind != 'Cloud' || has(lane.price))",
            "budget.usd cannot hold over a cloud lane without a price: add price to each",
            "lanes",
        ),
        "somebody_goes_on_locally": CelRule(
            "!has(self.budget.usd) || self.budget.onExhausted != 'LocalOnly' || self.lanes.exists(lane, lane.kind == 'Local')",
            "budget.onExhausted LocalOnly needs a lane of kind Local: add one, or use Suspend or Fail",
            "budget",
        ),
    },
}


def written_rules(model_name: str) -> list[dict[str, Any]]:
    """The rules of a model, as `x-kubernetes-validations`."""
    return [rule.written() for model, rules in RULES.items() if model.__name__ == model_name for rule in rules.values()]
