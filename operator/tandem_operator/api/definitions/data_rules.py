"""What may not change about the data of a run, and what its phases must share, in CEL; `change.py` and the models say the same.

What counts for a phase is its own data, which takes the place of the run's as a whole, or the run's where it has none.
"""

from typing import Final

from tandem_operator.api.shape import quoted
from tandem_operator.api.training_run import INSTEAD, NO_SHARED_TOKENIZER

from .cel_rule import Cel, CelRule, either, sentence, text, value

ANOTHER: Final = "keep it; start a run of another name"
UNBEGUN: Final = "!has(oldSelf.status) || !has(oldSelf.status.attempt) || oldSelf.status.attempt == 0"
_ORDER: Final = "the order of samples would be another"
_MEANING: Final = "the tokens that were learned would mean something else"


def _of_phase(field: str, phase: str, spec: str) -> str:
    return f"(has({phase}.data) ? {phase}.data.{field} : {spec}.data.{field})"


_FIRST: Final = _of_phase("tokenizer", "self.phases[0]", "self")
_ANY: Final = _of_phase("tokenizer", "phase", "self")
_MIXED: Final = f"{_ANY} != {_FIRST}"
_MIXED_SAID: Final = sentence(
    "tokenizer of phase ",
    value("phase.name"),
    ": ",
    text(_ANY),
    " is not ",
    text(_FIRST),
    ", that of phase ",
    value("self.phases[0].name"),
    f": {NO_SHARED_TOKENIZER} {INSTEAD}",
)
_ONE_MODEL: Final = "has(self.trainer.experts) || (has(self.trainer.deepspeed) && !has(self.trainer.deepspeed.model.pretrained))"

TOKENIZER_RULE: Final = CelRule(
    f"!({_ONE_MODEL}) || !self.phases.exists(phase, {_MIXED})",
    f"the phases have different tokenizers: {NO_SHARED_TOKENIZER} {INSTEAD}",
    said=f"self.phases.map(phase, {_MIXED}, {_MIXED_SAID})[0]",
)
"""All phases of a model that learns from text have one tokenizer."""


def _stays(field: str, shown: Cel, old_shown: Cel, why: str) -> CelRule:
    """Of the run's own data."""
    return CelRule(
        f"{UNBEGUN} || self.spec.data.{field} == oldSelf.spec.data.{field}",
        f"{field} cannot change once the run has begun: {why}: {ANOTHER}",
        f"spec.data.{field}",
        sentence(old_shown, " cannot become ", shown, f": {why}: {ANOTHER}"),
    )


def _stays_in_phases(field: str, why: str, *, words: bool = False) -> CelRule:
    """Of each phase that is in both by its name. Where neither has data of its own, all is said of the run's."""
    is_, was = _of_phase(field, "phase", "self.spec"), _of_phase(field, "was", "oldSelf.spec")
    changed = f"was.name == phase.name && (has(was.data) || has(phase.data)) && {was} != {is_}"
    as_told = text if words else value
    said = sentence(
        f"{field} of phase ",
        value("phase.name"),
        ": ",
        as_told(was),
        " cannot become ",
        as_told(is_),
        f": {why}: {ANOTHER}",
        either("has(was.data)", quoted(""), quoted(f" {INSTEAD}")),
    )
    before = "oldSelf.spec.phases"
    return CelRule(
        f"{UNBEGUN} || !self.spec.phases.exists(phase, {before}.exists(was, {changed}))",
        f"{field} of a phase cannot change once the run has begun: {why}: {ANOTHER} {INSTEAD}",
        "spec.phases",
        f"self.spec.phases.map(phase, {before}.exists(was, {changed}), {before}.map(was, was.name == phase.name, {said})[0])[0]",
    )


CHANGE_RULES: Final = {
    "same_seed": _stays("seed", value("self.spec.data.seed"), value("oldSelf.spec.data.seed"), _ORDER),
    "same_tokenizer": _stays("tokenizer", text("self.spec.data.tokenizer"), text("oldSelf.spec.data.tokenizer"), _MEANING),
    "same_seeds_of_phases": _stays_in_phases("seed", _ORDER),
    "same_tokenizers_of_phases": _stays_in_phases("tokenizer", _MEANING, words=True),
}
"""What checkpoints of a run that has begun, and the order of its samples, rest on."""
