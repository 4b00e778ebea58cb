"""How a DualRun answers: how a question is thought about, who is asked, and which memory is recalled from."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StrictBool, StrictFloat, StrictInt

from .model import ApiModel
from .names import Name
from .scalars import HostPort


class ThinkingSpec(ApiModel):
    """How a question is thought about."""

    max_tokens: Annotated[StrictInt, Field(ge=1, le=1_000_000)] = 512
    """Most tokens of an answer."""
    temperature: StrictFloat = Field(default=0.8, ge=0, le=2)
    """Of the experts' calls: 0 for the likeliest answer. A single call is made with 0."""
    adaptive: StrictBool = True
    """Ask no more experts than it takes to settle the vote, or than can still gain half a point by how such questions went."""
    margin: Annotated[StrictInt, Field(ge=1, le=32)] = 2
    """Votes ahead that settle it, as long as too few questions of the kind were answered to tell."""
    bare: StrictBool = False
    """Nothing around the question: for models that follow no instructions."""
    call_seconds: StrictFloat = Field(default=120.0, gt=0, le=86_400)
    """Longest time for one call, in seconds."""


class RoutingPolicy(StrEnum):
    """Who is asked."""

    LOCAL = "Local"
    CLOUD = "Cloud"
    RANDOM = "Random"
    KNN = "Knn"
    CASCADE = "Cascade"
    ENSEMBLE = "Ensemble"


class RoutingSpec(ApiModel):
    """Which lane is asked a question."""

    policy: RoutingPolicy = RoutingPolicy.CASCADE
    """Local or Cloud alone; Random, a share of each; Knn, by what became of questions alike; Cascade, the cloud where the local
    lane's experts disagree; Ensemble, both where their vote has been worth it."""
    cloud_share: StrictFloat = Field(default=0.5, ge=0, le=1)
    """Share of questions for the cloud lane, under Random."""


class DualMemorySpec(ApiModel):
    """The shared memory that lanes recall from and add to."""

    address: HostPort | None = None
    """host:port of a memory service; one of the run's own when left out."""
    namespace: Name = "default"
    """Namespace of the records: lower-case letters, digits and dashes, at most 40, starting with a letter. Several runs may share one."""
    top_k: Annotated[StrictInt, Field(ge=1, le=32)] = 1
    """Most records that a step is shown; more of them crowd a small model's prompt sooner than they help."""
    hold_out: StrictFloat = Field(default=0.05, ge=0, lt=1)
    """Share of questions that are answered without what was found for them, so that the worth of the memory is known."""
