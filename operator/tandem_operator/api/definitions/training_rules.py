"""The rules of a TrainingRun in CEL, under the names of its models' own rules, and what may not change between two versions of one.

`oldSelf` rules are what a checkpoint cannot follow; `change.py` says the same of a run on one machine.
"""

from collections.abc import Mapping
from typing import Final

from pydantic import BaseModel

from tandem_operator.api.credentials import KEY, OPTION, PASSWORD
from tandem_operator.api.phase import PhaseSpec
from tandem_operator.api.shape import quoted
from tandem_operator.api.trainer import AVAILABLE, DeepSpeedSpec, MixtureSpec, ModelSpec, ScriptSpec, TrainerSpec, TrunkSpec
from tandem_operator.api.training_run import NO_CONVERSATIONS, NOBODY_TO_LEARN, ONE_RANK, TrainingRun, TrainingRunSpec
from tandem_operator.api.upkeep import MANIFESTS

from .cel_rule import CelRule, either, first, outside, sentence, text, value
from .data_rules import ANOTHER, CHANGE_RULES, TOKENIZER_RULE, UNBEGUN
from .shared_rules import NAME_RULE, image_rule, time_rule, words_rule

_UNREADABLE: Final = "its checkpoints could not be read"
_UNFIT: Final = "what its experts have learned would not fit"
_TOTAL_STEPS: Final = (
    "(has(self.steps) ? self.steps : (self.tokens + self.batchSize * self.contextLength - 1) / (self.batchSize * self.contextLength))"
)
_WARMED: Final = outside(PhaseSpec, "warmupSteps", "steps", "tokens", "batchSize", "contextLength")
_RANKS: Final = (
    "self.workers * (has(self.processesPerWorker) ? self.processesPerWorker : (self.gpusPerWorker > 0 ? self.gpusPerWorker : 1))"
)
_AT_ONCE: Final = f"({_RANKS} * self.trainer.deepspeed.microBatchSize)"
_SIZES: Final = outside(TrainingRunSpec, "workers", "processesPerWorker", "gpusPerWorker")
_MICRO: Final = outside(DeepSpeedSpec, "microBatchSize", of="self.trainer.deepspeed")
_UNEVEN: Final = f"phase.batchSize > 0 && phase.batchSize % {_AT_ONCE} != 0"
_UNEVEN_SAID: Final = sentence(
    "batchSize of phase ",
    value("phase.name"),
    ": ",
    value("phase.batchSize"),
    " is not a multiple of the ",
    value(_AT_ONCE),
    " sequences that ",
    value(_RANKS),
    either(f"{_RANKS} > 1", quoted(" ranks take"), quoted(" rank takes")),
    " at once: change batchSize, workers or microBatchSize",
)
_PRETRAINED: Final = "has(self.trainer.deepspeed.model.pretrained)"
_SOURCE: Final = "(has(phase.data) ? phase.data.source : self.data.source)"
_MISMATCHED: Final = f"{_PRETRAINED} != {_SOURCE}.matches('[.]jsonl([.]gz)?$')"
_MISMATCHED_SAID: Final = sentence(
    either("has(phase.data)", sentence("data.source of phase ", value("phase.name")), quoted("data.source")),
    ": ",
    text(_SOURCE),
    " ",
    either(_PRETRAINED, quoted(NO_CONVERSATIONS), quoted(NOBODY_TO_LEARN)),
)
_SETS: Final = ("deepspeed", "experts", "offload", "lattice", "script")
_CHOSEN: Final = "[" + ", ".join(f"has(self.{name})" for name in _SETS) + "].filter(set, set).size()"
_NAMED: Final = tuple(either(f"has(self.{name})", quoted(f", {name}"), quoted("")) for name in _SETS)
_OWN_FOLDER: Final = quoted("the run's own folder")
_WRITTEN: Final = "(has({0}.spec.checkpoint) && has({0}.spec.checkpoint.uri) ? {0}.spec.checkpoint.uri : '')"
_URI, _OLD_URI = _WRITTEN.format("self"), _WRITTEN.format("oldSelf")


def _stayed(*fields: str) -> str:
    """Whether optional texts are what they were."""
    return " && ".join(
        f"has(self.{name}) == has(oldSelf.{name}) && (!has(self.{name}) || self.{name} == oldSelf.{name})" for name in fields
    )


def _same(place: str, *fields: str, texts: tuple[str, ...] = (), what: str, why: str) -> CelRule:
    """What was learned is in fields that must be there, and in `texts` that need not; a refusal names the first that differs, twice.

    It stands at the run, since only there is known whether anything can have been learned.
    """
    parent = place.rpartition(".")[0]
    stayed = [_stayed(*(f"{place}.{name}" for name in texts))] if texts else []

    def differs(of: str) -> str:
        always = tuple(
            (f"self.{place}.{name} != oldSelf.{place}.{name}", sentence(f"{name} ", value(f"{of}.{place}.{name}"))) for name in fields
        )
        written = tuple(
            (
                f"!({_stayed(f'{place}.{name}')})",
                sentence(f"{name} ", either(f"has({of}.{place}.{name})", f"{of}.{place}.{name}", quoted("none"))),
            )
            for name in texts
        )
        return first(*always, *written)

    return CelRule(
        f"{UNBEGUN} || !has(self.{parent}) || !has(oldSelf.{parent}) || "
        f"({' && '.join([*(f'self.{place}.{name} == oldSelf.{place}.{name}' for name in fields), *stayed])})",
        f"{what} cannot change once the run has begun: {why}: {ANOTHER}",
        place,
        said=sentence(differs("oldSelf"), " cannot become ", differs("self"), f": {why}: {ANOTHER}"),
    )


def _kind(of: str) -> str:
    return first(*((f"has({of}.{name})", quoted(name)) for name in AVAILABLE))


def _even_heads(model: type[BaseModel]) -> CelRule:
    return CelRule(
        f"{outside(model, 'width', 'heads')} || self.width % (2 * self.heads) == 0",
        "width must be a multiple of twice the number of heads: change one of them",
        "width",
        sentence(
            value("self.width"),
            " is not a multiple of twice the ",
            value("self.heads"),
            " heads: choose a multiple of ",
            value("2 * self.heads"),
            ", or another number of heads",
        ),
    )


TRAINING_RULES: Final[Mapping[type[BaseModel], Mapping[str, CelRule]]] = {
    TrainingRun: {
        "name": NAME_RULE,
        "same_uri": CelRule(
            f"{_URI} == {_OLD_URI} || {UNBEGUN} || "
            f"({_URI} != '' && has(oldSelf.status.checkpoint) && oldSelf.status.checkpoint.uri.startsWith({_URI} + '{MANIFESTS}'))",
            f"the place cannot change once the run has begun: earlier checkpoints would not be found: {ANOTHER}",
            "spec.checkpoint.uri",
            sentence(
                either(f"{_OLD_URI} == ''", _OWN_FOLDER, sentence(text(_OLD_URI))),
                " cannot become ",
                either(f"{_URI} == ''", _OWN_FOLDER, sentence(text(_URI))),
                f": earlier checkpoints would not be found: {ANOTHER}",
            ),
        ),
        "same_model": _same(
            "spec.trainer.deepspeed.model",
            *("layers", "width", "heads"),
            texts=("huggingFace", "pretrained"),
            what="the model",
            why=_UNREADABLE,
        ),
        "same_trunk": _same("spec.trainer.experts.model", "layers", "width", "heads", what="the model", why=_UNREADABLE),
        "same_experts": _same(
            "spec.trainer.experts.mixture", "count", "active", "innerWidth", "learningRule", what="the mixture", why=_UNFIT
        ),
        **CHANGE_RULES,
    },
    TrainingRunSpec: {
        "shrinks_from_more_to_fewer": CelRule(
            f"!has(self.minWorkers) || {outside(TrainingRunSpec, 'workers', 'minWorkers')} || self.minWorkers <= self.workers",
            "minWorkers is more than workers: lower it or leave it out",
            "minWorkers",
            sentence(value("self.minWorkers"), " is more than workers ", value("self.workers"), ": lower it or leave it out"),
        ),
        "queues_whole": CelRule(
            "!has(self.minWorkers) || !has(self.pod) || !has(self.pod.queue)",
            "minWorkers does not go with pod.queue, which admits all workers or none: leave one of the two out",
            "minWorkers",
            sentence(value("self.minWorkers"), " does not go with pod.queue ", value("self.pod.queue"), ": leave one of the two out"),
        ),
        "cards_have_a_kind": CelRule(
            f"{outside(TrainingRunSpec, 'gpusPerWorker')} || (self.accelerator == 'none') == (self.gpusPerWorker == 0)",
            "gpusPerWorker and accelerator go together: set both or neither",
            "gpusPerWorker",
            sentence(value("self.gpusPerWorker"), " does not go with accelerator ", value("self.accelerator"), ": set both or neither"),
        ),
        "ranks_have_a_card": CelRule(
            f"!has(self.processesPerWorker) || self.gpusPerWorker == 0 || {_SIZES} || self.processesPerWorker <= self.gpusPerWorker",
            "processesPerWorker is more than the cards of a worker: lower it or leave it out",
            "processesPerWorker",
            sentence(
                value("self.processesPerWorker"),
                " is more than the ",
                value("self.gpusPerWorker"),
                " cards of a worker: lower it or leave it out",
            ),
        ),
        "batches_split_evenly": CelRule(
            f"!has(self.trainer.deepspeed) || {_SIZES} || {_MICRO} || !self.phases.exists(phase, {_UNEVEN})",
            "each batchSize must be a multiple of workers x ranks per worker x microBatchSize: change one of them",
            "phases",
            f"self.phases.map(phase, {_UNEVEN}, {_UNEVEN_SAID})[0]",
        ),
        "experts_are_not_shared": CelRule(
            f"!has(self.trainer.experts) || {_SIZES} || {_RANKS} == 1",
            f"trainer.experts {ONE_RANK}",
            "trainer.experts",
            sentence(f"{ONE_RANK} (here are ", value(_RANKS), ")"),
        ),
        "conversations_have_a_pupil": CelRule(
            f"!has(self.trainer.deepspeed) || !self.phases.exists(phase, {_MISMATCHED})",
            "data.source is a .jsonl file of conversations if and only if trainer.deepspeed.model.pretrained names who learns from it",
            said=f"self.phases.map(phase, {_MISMATCHED}, {_MISMATCHED_SAID})[0]",
        ),
        "phases_share_a_tokenizer": TOKENIZER_RULE,
        "has_time": time_rule("deadline"),
        "names_an_image": image_rule(),
    },
    TrainerSpec: {
        "exactly_one": CelRule(
            f"{_CHOSEN} == 1",
            f"give exactly one of {', '.join(AVAILABLE)}",
            said=sentence(
                either(f"{_CHOSEN} == 0", quoted("has none"), sentence("has ", value(_CHOSEN), *_NAMED)),
                f": give exactly one of {', '.join(AVAILABLE)}",
            ),
        ),
        "available": CelRule(
            "!has(self.offload) && !has(self.lattice)",
            f"offload and lattice are not available in this version: use {' or '.join(AVAILABLE)}",
            said=sentence(
                first(*((f"has(self.{name})", quoted(name)) for name in _SETS if name not in AVAILABLE)),
                f": is not available in this version: use {' or '.join(AVAILABLE)}",
            ),
        ),
        "same_kind": CelRule(
            " && ".join(f"has(self.{name}) == has(oldSelf.{name})" for name in AVAILABLE),
            f"the kind of trainer cannot change: its checkpoints could not be read: {ANOTHER}",
            said=sentence(_kind("oldSelf"), " cannot become ", _kind("self"), f": its checkpoints could not be read: {ANOTHER}"),
        ),
    },
    ScriptSpec: {
        "keeps_passwords_in_secrets": words_rule("args", PASSWORD),
        "keeps_keys_in_secrets": words_rule("args", KEY),
        "gives_no_key_as_an_option": words_rule("args", OPTION),
    },
    TrunkSpec: {"width_splits_into_even_heads": _even_heads(TrunkSpec)},
    MixtureSpec: {
        "asks_no_more_than_there_are": CelRule(
            f"{outside(MixtureSpec, 'count', 'active')} || self.active <= self.count",
            "active is more than the experts there are: lower it, or raise count",
            "active",
            sentence(value("self.active"), " is more than the ", value("self.count"), " experts there are: lower it, or raise count"),
        ),
    },
    ModelSpec: {
        "width_splits_into_even_heads": _even_heads(ModelSpec),
        "begins_in_one_way": CelRule(
            "!has(self.huggingFace) || !has(self.pretrained)",
            "huggingFace does not go with pretrained, which has a configuration of its own: leave one of the two out",
            "huggingFace",
            sentence(
                text("self.huggingFace"), " does not go with pretrained, which has a configuration of its own: leave one of the two out"
            ),
        ),
    },
    PhaseSpec: {
        "one_length": CelRule(
            "has(self.steps) != has(self.tokens)",
            "give exactly one of steps and tokens",
            said=either(
                "has(self.steps)",
                sentence("tokens: ", value("self.tokens"), " does not go with steps ", value("self.steps"), ": leave one of the two out"),
                quoted("has no length: give it steps or tokens"),
            ),
        ),
        "warms_up_within_itself": CelRule(
            f"!(has(self.steps) || has(self.tokens)) || {_WARMED} || self.warmupSteps <= {_TOTAL_STEPS}",
            "warmupSteps is more than the steps of the phase: lower it",
            "warmupSteps",
            sentence(value("self.warmupSteps"), " is more than the ", value(_TOTAL_STEPS), " steps of the phase: lower it"),
        ),
    },
}
