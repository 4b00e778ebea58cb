"""The rules of pods and of where they may run, in CEL, under the names of their models' own rules."""

from collections.abc import Mapping
from typing import Final

from pydantic import BaseModel

from tandem_operator.api.credentials import KEEP_IN_SECRET, KEY, PASSWORD, SECRET_VARIABLES
from tandem_operator.api.names import ANNOTATION_KEY, LABEL_KEY, LABEL_VALUE, NO_ANNOTATION_KEY, NO_LABEL_KEY, NO_LABEL_VALUE
from tandem_operator.api.placement import PlacementSpec, Toleration
from tandem_operator.api.pod import ABSOLUTE, LEAST_MEMORY, NO_MOUNT, NO_PLACE, OUR_VARIABLES, THEIR_VARIABLE, PodSpec, Variable, VolumeSpec
from tandem_operator.api.quantity import EXPONENT
from tandem_operator.api.shape import quoted

from .cel_rule import CelRule, either, sentence, text, value

_LABEL_VALUE: Final = quoted(f"^({LABEL_VALUE})$")
_LABEL_KEY: Final = quoted(f"^({LABEL_KEY})$")
_NO_KEY: Final = "is needed with operator Equal: name the taint's key or use Exists"
_NO_VALUE: Final = "has no meaning with operator Exists: leave it out or use Equal"


def _keys(field: str, pattern: str, wrong: str) -> CelRule:
    """Keys that Kubernetes takes."""
    fits = f"key.matches({quoted(f'^({pattern})$')})"
    return CelRule(
        f"!has(self.{field}) || self.{field}.all(key, {fits})",
        f"a key of {field} {wrong}",
        field,
        sentence('"', value(f"self.{field}.filter(key, !{fits})[0]"), f'" {wrong}'),
    )


def _values(field: str) -> CelRule:
    """Values that Kubernetes takes for a label's."""
    fits = f"self.{field}[key].matches({_LABEL_VALUE})"
    said = sentence(value("key"), ': "', value(f"self.{field}[key]"), f'" {NO_LABEL_VALUE}')
    return CelRule(
        f"!has(self.{field}) || self.{field}.all(key, {fits})",
        f"a value of {field} {NO_LABEL_VALUE}",
        field,
        f"self.{field}.map(key, !{fits}, {said})[0]",
    )


def _amount(field: str) -> str:
    return f"quantity(string(self.{field}))"


def _is_amount(field: str) -> str:
    """Whether there is one that can be reckoned with."""
    return f"has(self.{field}) && isQuantity(string(self.{field})) && !string(self.{field}).matches('-|{EXPONENT}')"


def _enough(field: str) -> CelRule:
    """Kubernetes takes a bare number for bytes."""
    wrong = f"is less than {LEAST_MEMORY}: write more, with its unit, such as 16Gi"
    return CelRule(
        f"!({_is_amount(field)}) || !{_amount(field)}.isLessThan(quantity('{LEAST_MEMORY}'))",
        f"{field} {wrong}",
        field,
        sentence(_quoted(field), f" {wrong}"),
    )


def _quoted(field: str) -> str:
    """An amount, whether it was written as a text or as a number."""
    return sentence('"', value(f"self.{field}"), '"')


def _twice(field: str, key: str) -> str:
    """The entries of a list that have a field in common with another."""
    return f"self.{field}.filter(one, self.{field}.filter(other, other.{key} == one.{key}).size() > 1)"


def _unique(field: str, key: str, wrong: str) -> CelRule:
    return CelRule(
        f"!has(self.{field}) || {_twice(field, key)}.size() == 0",
        f"a {key} of {field} {wrong}",
        field,
        sentence('"', value(f"{_twice(field, key)}[0].{key}"), f'" {wrong}'),
    )


POD_RULES: Final[Mapping[type[BaseModel], Mapping[str, CelRule]]] = {
    PlacementSpec: {
        "falls_back_only_from_prefer": CelRule(
            "!has(self.onDemandAfter) || self.spot == 'Prefer'",
            "onDemandAfter has a meaning only with spot Prefer: use Prefer or leave it out",
            "onDemandAfter",
            sentence(text("self.onDemandAfter"), " has no meaning with spot ", value("self.spot"), ": use Prefer or leave it out"),
        ),
        "selects_by_keys": _keys("nodeSelector", LABEL_KEY, NO_LABEL_KEY),
        "selects_by_values": _values("nodeSelector"),
    },
    Toleration: {
        "compares_what_is_there": CelRule(
            "self.operator == 'Exists' ? (!has(self.value) || self.value == '') : (has(self.key) && self.key != '')",
            "operator Exists takes no value, and operator Equal needs a key",
            said=either("self.operator == 'Exists'", sentence("value: ", text("self.value"), f" {_NO_VALUE}"), quoted(f"key: {_NO_KEY}")),
        ),
        "waits_only_for_eviction": CelRule(
            "!has(self.tolerationSeconds) || (has(self.effect) && self.effect == 'NoExecute')",
            "tolerationSeconds has a meaning only with effect NoExecute: set it or leave this out",
            "tolerationSeconds",
            sentence(value("self.tolerationSeconds"), " has a meaning only with effect NoExecute: set it or leave this out"),
        ),
        "names_a_taint": CelRule(
            f"(!has(self.key) || self.key == '' || self.key.matches({_LABEL_KEY})) && "
            f"(!has(self.value) || self.value.matches({_LABEL_VALUE}))",
            "key or value is none of a taint: write letters, digits, - _ and .",
            said=either(
                f"has(self.key) && self.key != '' && !self.key.matches({_LABEL_KEY})",
                sentence("key: ", text("self.key"), f" {NO_LABEL_KEY}"),
                sentence("value: ", text("self.value"), f" {NO_LABEL_VALUE}"),
            ),
        ),
    },
    Variable: {
        "one_source": CelRule(
            "has(self.value) != has(self.secret)",
            "give exactly one of value and secret",
            said=either(
                "has(self.value)",
                quoted("secret: does not go with value: leave one of the two out"),
                sentence(text("self.name"), " has no value: give it value or secret"),
            ),
        ),
        "leaves_our_names_alone": CelRule(
            f"!self.name.matches('^({OUR_VARIABLES})$') || self.name == '{THEIR_VARIABLE}'",
            "this name is Tandem's own: leave the variable out or take another name",
            "name",
            sentence(text("self.name"), " is Tandem's own: leave it out or take another name"),
        ),
        "keeps_secrets_in_secrets": CelRule(
            f"!has(self.value) || self.value == '' || "
            f"!(self.name.matches('^({SECRET_VARIABLES})$') || "
            f"self.value.matches({quoted(PASSWORD)}) || self.value.matches({quoted(KEY)}))",
            KEEP_IN_SECRET,
            "value",
        ),
    },
    PodSpec: {
        "memory_has_a_unit": _enough("memory"),
        "shared_memory_has_a_unit": _enough("sharedMemory"),
        "shared_memory_is_a_part": CelRule(
            f"!({_is_amount('memory')} && {_is_amount('sharedMemory')}) || !{_amount('sharedMemory')}.isGreaterThan({_amount('memory')})",
            "sharedMemory is more than memory, of which it is a part: lower it, or raise memory",
            "sharedMemory",
            sentence(
                _quoted("sharedMemory"),
                " is more than memory ",
                value("self.memory"),
                ", of which it is a part: lower it, or raise memory",
            ),
        ),
        "variables_have_names_of_their_own": _unique("env", "name", "is there twice: leave one of the two out"),
        "volumes_have_places_of_their_own": _unique("volumes", "mountPath", "is there twice: give each one of its own"),
        "labels_have_keys": _keys("labels", LABEL_KEY, NO_LABEL_KEY),
        "labels_have_values": _values("labels"),
        "annotations_have_keys": _keys("annotations", ANNOTATION_KEY, NO_ANNOTATION_KEY),
    },
    VolumeSpec: {
        "one_source": CelRule(
            "[has(self.claim), has(self.secret), has(self.configMap)].filter(set, set).size() == 1",
            "give exactly one of claim, secret and configMap",
            said=sentence(text("self.mountPath"), " needs exactly one of claim, secret and configMap"),
        ),
        "has_a_place_of_its_own": CelRule(
            f"!self.mountPath.matches({quoted(f'^({ABSOLUTE})$')}) || !self.mountPath.matches({quoted(NO_PLACE)})",
            f"mountPath {NO_MOUNT}",
            "mountPath",
            sentence(text("self.mountPath"), f" {NO_MOUNT}"),
        ),
    },
}
