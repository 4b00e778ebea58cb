"""Names of things: how Kubernetes wants them, and what to write instead of one that it would not take."""

from typing import Annotated, Final

from .shape import Shape

_WORD: Final = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_DOMAIN: Final = f"{_WORD}([.]{_WORD})*"
_PLAIN: Final = "[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_ANY_CASE: Final = "[A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?"

NAME: Final = Shape(
    most=40,
    pattern="[a-z]([-a-z0-9]*[a-z0-9])?",
    instead="is no name: write lower-case letters, digits and dashes, starting with a letter and not ending with a dash",
)
"""A DNS label (RFC 1035) of at most 40 characters: `-<attempt>-<rank>` still fits into the 63 of a pod's host name."""

Name = Annotated[str, NAME]
"""The name of a run, or of something in it: lower-case letters, digits and dashes, at most 40, starting with a letter."""

PhaseName = Annotated[
    str,
    Shape(most=40, pattern=_WORD, instead="is no name: write lower-case letters, digits and dashes, not beginning or ending with a dash"),
]
"""The name of a phase, which may start with a digit."""

_NO_OBJECT: Final = "is no name of an object: write lower-case letters, digits, dashes and dots, as `kubectl get` shows it"

ObjectName = Annotated[str, Shape(most=253, pattern=_DOMAIN, instead=_NO_OBJECT)]
"""The name of an object beside the run, in its namespace."""

SecretName = Annotated[str, Shape(most=253, pattern=_DOMAIN, instead=_NO_OBJECT, open=False)]
"""The name of a Secret. It is not shown: people have been seen to write the secret itself."""

QueueName = Annotated[str, Shape(most=63, pattern=_DOMAIN, instead=_NO_OBJECT)]
"""The name of a queue, which stands in a label."""

SecretKeyName = Annotated[
    str,
    Shape(
        most=253,
        pattern="[-._A-Za-z0-9]+",
        instead="is no key of a Secret: write letters, digits, dashes, dots and underscores",
        open=False,
    ),
]
"""A key in a Secret."""

VariableName = Annotated[
    str,
    Shape(
        most=256,
        pattern="[A-Za-z_][A-Za-z0-9_]*",
        instead="is no name of a variable: write letters, digits and underscores, not beginning with a digit",
    ),
]
"""The name of an environment variable."""

LABEL_KEY: Final = f"({_DOMAIN}/)?{_PLAIN}"
"""The key of a label or of a taint, with or without the domain of whoever defined it."""
NO_LABEL_KEY: Final = "is no key of a label: write letters, digits, - _ and ., 63 at most, after a domain and / if any"

ANNOTATION_KEY: Final = f"({_ANY_CASE}/)?{_PLAIN}"
"""The key of an annotation: the server looks past the case of its domain."""
NO_ANNOTATION_KEY: Final = NO_LABEL_KEY.replace("a label", "an annotation")

LABEL_VALUE: Final = "([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?"
"""The value of a label or of a taint; its length is limited where it stands."""
NO_LABEL_VALUE: Final = "is no value of a label: write letters, digits, - _ and ., beginning and ending with a letter or digit"

_HOST: Final = rf"({_ANY_CASE}|\[[0-9A-Fa-f:]+\])(:[0-9]+)?/"
_PART: Final = "[a-z0-9]+(([._]|__|-+)[a-z0-9]+)*"
IMAGE: Final = rf"({_HOST})?{_PART}(/{_PART})*(:[A-Za-z0-9_][-A-Za-z0-9_.]{{0,127}})?(@[A-Za-z][-A-Za-z0-9_+.]*:[0-9a-f]{{32,128}})?"
"""A container image (https://github.com/distribution/reference): registry, path, tag and digest."""
NO_IMAGE: Final = "is no name of an image: write registry/path:tag in lower case, such as ghcr.io/team/trainer:1"
