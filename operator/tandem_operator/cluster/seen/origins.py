"""Where does it stand? A program names variables of its environment; people wrote a field, filled a Secret, or set a value of the chart.

That is said of the settings of S3, which are wrong more often than any others. Which Secret a variable comes from, the pod itself tells;
where it has a plain value for a key, a run wrote that, since we never do.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from tandem_operator.cluster.kube.document import Json, part, parts, text
from tandem_operator.render import s3

_NAMED_BY: Final = "comes from the Secret that {}"
_OWN_OR_SITES: Final = "spec.checkpoint.secret names, or else, where spec.checkpoint.endpoint is left out, checkpoints.secret of the chart"
_UNLESS: Final = ", unless spec.pod.env sets it"
_SET: Final = "is set in spec.pod.env"

OF_TRAINING: Final[Mapping[str, str]] = {
    s3.ENDPOINT: f"is spec.checkpoint.endpoint, or else checkpoints.endpoint of the chart{_UNLESS}",
    **dict.fromkeys(s3.KEYS, _NAMED_BY.format(_OWN_OR_SITES)),
}
"""What a TrainingRun says by these variables. The Secret of the chart goes to the endpoint of the chart only."""

OF_A_DUAL_RUN: Final[Mapping[str, str]] = {
    s3.ENDPOINT: f"is checkpoints.endpoint of the chart{_UNLESS}",
    **dict.fromkeys(s3.KEYS, _NAMED_BY.format("checkpoints.secret of the chart names")),
}
"""A DualRun says nothing of its own by them."""


def traced(said: str, pod: Json, container: str, written: Mapping[str, str]) -> str:
    """The last words of a container, with where the variables that they name stand for people."""
    origins = "; ".join(f"{name} {origin}" for name, origin in _origins(said, pod, container, written))
    return f"{said} (in a pod, {origins})" if origins else said


def _origins(said: str, pod: Json, container: str, written: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    named = [name for name in written if name in said]
    containers = {each["name"]: each for each in parts(pod, "spec", "containers")} if named else {}
    variables = {each["name"]: each for each in parts(containers.get(container, {}), "env")}
    for name in named:
        secret = part(variables.get(name, {}), "valueFrom", "secretKeyRef")
        if secret:
            yield name, f"is key {text(secret, 'key')} of Secret {text(secret, 'name')}"
        else:
            yield name, _SET if name in s3.KEYS and name in variables else written[name]
