"""A lane of a DualRun: an OpenAI-compatible server, paid by the token in the cloud or run on a machine of one's own."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StrictInt

from .model import NAME, ApiModel, Usd
from .scalars import Address

Count = Annotated[StrictInt, Field(ge=1, le=1_000_000_000)]
"""A number of questions, calls, tokens or seconds."""


class LaneKind(StrEnum):
    """Who owns the machine of a lane, and so who is paid for it."""

    CLOUD = "Cloud"
    LOCAL = "Local"


class SecretReference(ApiModel):
    """A key of a Kubernetes Secret in the namespace of the run."""

    name: str = Field(pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", max_length=253)
    """Name of the Secret: lower-case letters, digits, dashes and dots."""
    key: str = Field(default="api-key", pattern=r"^[-._A-Za-z0-9]+$", max_length=253)
    """Key in the Secret: letters, digits, dashes, dots and underscores."""


class PriceSpec(ApiModel):
    """What a lane costs. Both parts are added up."""

    usd_per_million_input_tokens: Usd = Field(default=0, validate_default=True)
    """US dollars for a million tokens read."""
    usd_per_million_output_tokens: Usd = Field(default=0, validate_default=True)
    """US dollars for a million tokens written."""
    usd_per_hour: Usd = Field(default=0, validate_default=True)
    """US dollars an hour, used or not: electricity, or the rent of a machine."""


class RateSpec(ApiModel):
    """How fast a lane may be used. What is left out is not limited from our side."""

    requests_per_minute: Count | None = None
    """Calls a minute that the provider allows."""
    tokens_per_minute: Count | None = None
    """Tokens a minute, read and written together, that the provider allows."""
    max_in_flight: Count = 8
    """Calls at once."""


class LaneSpec(ApiModel):
    """One way to get answers."""

    name: str = Field(pattern=NAME)
    """Name of the lane, unique in the run: lower-case letters, digits and dashes, at most 40, starting with a letter."""
    kind: LaneKind
    """Cloud (paid for by the token) or Local (a machine of your own)."""
    url: Address = Field(pattern=r"^https?://[A-Za-z0-9.\[\]:-]+(/[^\s]*)?$", max_length=1024)
    """Address of an OpenAI-compatible API, such as http://127.0.0.1:1234/v1."""
    model: str = Field(min_length=1, max_length=256)
    """Name of the model, as the server calls it."""
    api_key_secret: SecretReference | None = None
    """Where the API key is kept. Never the key itself."""
    price: PriceSpec | None = None
    """What the lane costs; needed in the cloud when the run has a budget."""
    limits: RateSpec = RateSpec()
    """How fast the lane may be used."""
