"""Where the workers of a run may run: on which kind of machine, with which labels, despite which taints."""

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StrictBool, StrictInt

from .model import ApiModel, Duration, duration_text
from .names import LABEL_KEY, LABEL_VALUE, NO_LABEL_KEY, NO_LABEL_VALUE
from .pod import misnamed, misvalued
from .rule import Broken, entry_rule, rule

Label = Annotated[str, Field(max_length=63)]
"""A label's value, as long as Kubernetes lets it be."""


class Accelerator(StrEnum):
    """The kind of card a worker needs."""

    NONE = "none"
    NVIDIA = "nvidia"
    AMD = "amd"


class Spot(StrEnum):
    """Whether machines that can vanish are wanted, welcome or unwanted."""

    REQUIRE = "Require"
    PREFER = "Prefer"
    NEVER = "Never"


class Toleration(ApiModel):
    """A Kubernetes toleration."""

    key: Annotated[str, Field(max_length=317)] | None = None
    """Taint key; empty with operator Exists tolerates everything."""
    operator: Literal["Equal", "Exists"] = "Equal"
    """How the value is compared."""
    value: Label | None = None
    """Taint value, for operator Equal."""
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    """Taint effect; all of them when left out."""
    toleration_seconds: Annotated[StrictInt, Field(ge=0)] | None = None
    """How long a NoExecute taint is tolerated."""

    @rule
    def compares_what_is_there(self) -> Iterator[Broken]:
        """The pod would be refused (`ValidateTolerations` of Kubernetes), after the attempt had been counted."""
        if self.operator == "Exists" and self.value:
            yield Broken(("value",), self.value, "has no meaning with operator Exists: leave it out or use Equal")
        if self.operator == "Equal" and not self.key:
            yield Broken(("key",), self.key, "is needed with operator Equal: name the taint's key or use Exists")

    @rule
    def waits_only_for_eviction(self) -> Iterator[Broken]:
        """Only a NoExecute taint ends running pods."""
        if self.toleration_seconds is not None and self.effect != "NoExecute":
            yield Broken(
                ("tolerationSeconds",), self.toleration_seconds, "has a meaning only with effect NoExecute: set it or leave this out"
            )

    @entry_rule
    def names_a_taint(self) -> Iterator[Broken]:
        """Kubernetes names taints by the rules of labels, and refuses pods that do not."""
        if self.key and not re.fullmatch(LABEL_KEY, self.key):
            yield Broken(("key",), self.key, NO_LABEL_KEY)
        if self.value and not re.fullmatch(LABEL_VALUE, self.value):
            yield Broken(("value",), self.value, NO_LABEL_VALUE)


class PlacementSpec(ApiModel):
    """Where workers may run."""

    spot: Spot = Spot.PREFER
    """Require, Prefer or Never machines that can vanish at short notice and cost less."""
    on_demand_after: Duration | None = None
    """With Prefer: how long to wait for a spot machine before an on-demand one is taken."""
    one_per_node: StrictBool = False
    """Give each worker a machine of its own, whatever else would fit there."""
    shrink_after: Duration = Field(default="30s", validate_default=True)
    """With minWorkers: how long a worker may wait for a machine before the run goes on without it."""
    node_selector: Mapping[str, Label] = Field(default={}, max_length=64)
    """Labels a node must have."""
    tolerations: tuple[Toleration, ...] = Field(default=(), max_length=64)
    """Taints that workers tolerate, besides those of Tandem's own node pools."""

    @rule
    def falls_back_only_from_prefer(self) -> Iterator[Broken]:
        """Require never takes an on-demand machine, and Never takes one at once."""
        if self.on_demand_after is not None and self.spot is not Spot.PREFER:
            yield Broken(
                ("onDemandAfter",), duration_text(self.on_demand_after), f"has no meaning with spot {self.spot}: use Prefer or leave it out"
            )

    @entry_rule
    def selects_by_keys(self) -> Iterator[Broken]:
        """Such a pod would be refused, after the attempt had been counted."""
        yield from misnamed("nodeSelector", self.node_selector, LABEL_KEY, NO_LABEL_KEY)

    @entry_rule
    def selects_by_values(self) -> Iterator[Broken]:
        """Likewise."""
        yield from misvalued("nodeSelector", self.node_selector)
