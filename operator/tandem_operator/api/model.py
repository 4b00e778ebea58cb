"""How every type that people write behaves: frozen, camelCase outside, and no field that nobody knows."""

from collections.abc import Mapping
from typing import Final, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import InitErrorDetails, PydanticCustomError

from .names import Name
from .rule import REFUSED, Broken, Reading, broken_rules
from .scalars import Duration, Time, Usd, UsdText, duration, duration_text

__all__ = ["ApiModel", "Duration", "ObjectMeta", "RunMeta", "Time", "Usd", "UsdText", "duration", "duration_text"]


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
        problems = broken_rules(self, info.context or _STORED)
        if problems:
            raise ValidationError.from_exception_data(type(self).__name__, [_details(broken) for broken in problems])
        return self


_STORED: Final = Reading()


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

    @property
    def key(self) -> tuple[str, str]:
        """Namespace and name, by which a cluster knows the run among those of its kind."""
        return self.namespace, self.name


class RunMeta(ObjectMeta):
    """A run's name leaves room for the attempt and the rank in the names of its workers."""

    name: Name
    """Lower-case letters, digits and dashes, at most 40, starting with a letter."""
