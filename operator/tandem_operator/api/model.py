"""How every type that people write behaves: frozen, camelCase outside, and no field that nobody knows."""

from collections.abc import Mapping
from typing import Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import InitErrorDetails, PydanticCustomError

from .rule import REFUSED, Broken, broken_rules, broken_rules_of_rest
from .scalars import Duration, Time, Usd, UsdText, duration, duration_text

__all__ = ["NAME", "ApiModel", "Duration", "ObjectMeta", "RunMeta", "Time", "Usd", "UsdText", "duration", "duration_text"]

NAME = r"^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$"
"""A DNS label (RFC 1035) of at most 40 characters: `-<attempt>-<rank>` still fits into the 63 of a pod's host name."""


class ApiModel(BaseModel):
    """A value of the API: immutable, strict about names, camelCase on the wire."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        allow_inf_nan=False,
        defer_build=True,
        extra="forbid",
        frozen=True,
        populate_by_name=True,
        use_attribute_docstrings=True,
        validate_default=True,
    )

    @field_validator("*", mode="wrap")
    @classmethod
    def _refused_values_pass(cls, value: object, read: ValidatorFunctionWrapHandler) -> object:
        return REFUSED if value is REFUSED else read(value)

    @model_validator(mode="after")
    def _keeps_its_rules(self, info: ValidationInfo) -> Self:
        for name in type(self).model_fields:
            if self.__dict__[name] is REFUSED:
                object.__delattr__(self, name)
        problems = broken_rules_of_rest(self) if info.context is REFUSED else broken_rules(self)
        if problems:
            raise ValidationError.from_exception_data(type(self).__name__, [_details(broken) for broken in problems])
        return self


def _details(broken: Broken) -> InitErrorDetails:
    sentence = PydanticCustomError("rule", "{sentence}", {"sentence": broken.sentence})
    return InitErrorDetails(type=sentence, loc=broken.field, input=broken.value)


class ObjectMeta(ApiModel):
    """The part of Kubernetes' ObjectMeta that Tandem reads."""

    model_config = ConfigDict(extra="ignore")

    name: str
    """Name of the run, and the first part of the name of everything that belongs to it."""
    namespace: str = "default"
    """Namespace; on one machine always `default`."""
    uid: str = ""
    """Set by the server."""
    generation: int = 1
    """Counts the changes to the spec; set by the server."""
    creation_timestamp: Time | None = None
    """Set by the server."""
    labels: Mapping[str, str] = {}
    """Labels of the run."""
    annotations: Mapping[str, str] = {}
    """Annotations of the run."""


class RunMeta(ObjectMeta):
    """A run's name leaves room for the attempt and the rank in the names of its workers."""

    name: str = Field(pattern=NAME)
    """Lower-case letters, digits and dashes, at most 40, starting with a letter."""
