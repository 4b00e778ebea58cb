"""A lane of a DualRun: an OpenAI-compatible server, paid by the token in the cloud or run on a machine of one's own."""

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import Field, StrictInt

from .credentials import KEEP_IN_SECRET, holds_key, holds_password, takes_key
from .model import ApiModel, Usd
from .names import IMAGE, NO_IMAGE, Name, SecretKeyName, SecretName, VariableName
from .placement import Accelerator
from .quantity import Quantity
from .rule import Broken, entry_rule, rule
from .scalars import Address
from .shape import Shape

Url = Annotated[
    str,
    Shape(
        most=1024,
        bare=True,
        pattern=r"https?://[A-Za-z0-9.\[\]:-]+(/[^\s]*)?",
        instead="is no address of an API: write http:// or https://, a host and a path, such as http://127.0.0.1:1234/v1",
    ),
]
"""Address of an OpenAI-compatible API."""

BEYOND_PORTS: Final = "^https?://[^/?#@]*:0*(6553[6-9]|655[4-9][0-9]|65[6-9][0-9]{2}|6[6-9][0-9]{3}|[7-9][0-9]{4}|[1-9][0-9]{5,})?([/?#]|$)"
"""An address whose port is larger than any, or none."""

NO_PORT: Final = "names a port that there is not: write one from 1 to 65535, such as http://127.0.0.1:1234/v1"
"""What to do about it."""

Count = Annotated[StrictInt, Field(ge=1, le=1_000_000_000)]
"""A number of questions, calls, tokens or seconds."""


class LaneKind(StrEnum):
    """Who owns the machine of a lane, and so who is paid for it."""

    CLOUD = "Cloud"
    LOCAL = "Local"


class SecretReference(ApiModel):
    """A key of a Kubernetes Secret in the namespace of the run."""

    name: SecretName
    """Name of the Secret: lower-case letters, digits, dashes and dots."""
    key: SecretKeyName = "api-key"
    """Key in the Secret: letters, digits, dashes, dots and underscores."""


class PriceSpec(ApiModel):
    """What a lane costs. Both parts are added up."""

    usd_per_million_input_tokens: Usd = Field(default=0, validate_default=True)
    """US dollars for a million tokens read."""
    usd_per_million_output_tokens: Usd = Field(default=0, validate_default=True)
    """US dollars for a million tokens written."""
    usd_per_hour: Usd = Field(default=0, validate_default=True)
    """US dollars an hour, used or not: electricity, or the rent of a machine."""

    @property
    def by_token(self) -> bool:
        """Whether a call costs anything."""
        return bool(self.usd_per_million_input_tokens or self.usd_per_million_output_tokens)


class RateSpec(ApiModel):
    """How fast a lane may be used. What is left out is not limited from our side."""

    requests_per_minute: Count | None = None
    """Calls a minute that the provider allows."""
    tokens_per_minute: Count | None = None
    """Tokens a minute, read and written together, that the provider allows."""
    max_in_flight: Count = 8
    """Calls at once."""


class EngineServer(StrEnum):
    """A program that serves a language model."""

    TRANSFORMERS = "Transformers"
    LLAMA_CPP = "LlamaCpp"
    VLLM = "Vllm"


class EngineSpec(ApiModel):
    """A server of the run's own: started with the run, kept alive, and ended with it."""

    server: EngineServer = EngineServer.TRANSFORMERS
    """Transformers (`transformers serve`), LlamaCpp (`llama-server`) or Vllm (`vllm serve`)."""
    model: Address
    """A folder, a .gguf file, or the id of a model on the Hugging Face hub. A relative path begins with ./ or is a folder that is there."""
    instances: Annotated[StrictInt, Field(ge=1, le=64)] = 1
    """How many servers of it; calls are spread over them."""
    arguments: tuple[Annotated[str, Field(min_length=1, max_length=256)], ...] = Field(default=(), max_length=64)
    """More arguments of the server, as its own help lists them, such as --dtype and float32. Never a secret: anybody may read them."""
    image: str | None = Field(default=None, min_length=1, max_length=1024)
    """On a cluster: the image that has the server, such as vllm/vllm-openai or ghcr.io/ggml-org/llama.cpp:server; the chart's trainer image
    for Transformers when left out. What stands below is for clusters, too."""
    gpus: Annotated[StrictInt, Field(ge=0, le=16)] = 0
    """Cards of each server."""
    accelerator: Literal[Accelerator.NVIDIA, Accelerator.AMD] = Accelerator.NVIDIA
    """Whose cards they are: nvidia or amd."""
    cpu: Quantity | None = None
    """Processors of each server, such as 8; half a one when left out."""
    memory: Quantity | None = None
    """Memory of each server, such as 24Gi; when left out it asks for 1Gi, and may take more."""

    @entry_rule
    def names_an_image(self) -> Iterator[Broken]:
        """No kubelet could pull it, and pods would wait for ever."""
        if self.image and not re.fullmatch(IMAGE, self.image):
            yield Broken(("image",), self.image, NO_IMAGE)

    @entry_rule
    def keeps_passwords_in_secrets(self) -> Iterator[Broken]:
        """Whoever may read the run, or list processes, may read arguments."""
        yield from (Broken(("arguments", index), None, KEEP_IN_SECRET) for index, word in enumerate(self.arguments) if holds_password(word))

    @entry_rule
    def keeps_keys_in_secrets(self) -> Iterator[Broken]:
        """Likewise."""
        yield from (Broken(("arguments", index), None, KEEP_IN_SECRET) for index, word in enumerate(self.arguments) if holds_key(word))

    @entry_rule
    def gives_no_key_as_an_option(self) -> Iterator[Broken]:
        """Likewise."""
        yield from (Broken(("arguments", index), None, KEEP_IN_SECRET) for index, word in enumerate(self.arguments) if takes_key(word))


class LaneSpec(ApiModel):
    """One way to get answers."""

    name: Name
    """Name of the lane, unique in the run: lower-case letters, digits and dashes, at most 40, starting with a letter."""
    kind: LaneKind
    """Cloud (paid for by the token) or Local (a machine of your own)."""
    url: Url | None = None
    """Address of an OpenAI-compatible API, such as http://127.0.0.1:1234/v1."""
    urls: tuple[Url, ...] | None = Field(default=None, min_length=1, max_length=64)
    """Addresses of several servers of the same model, in place of url; calls are spread over them."""
    engine: EngineSpec | None = None
    """A server of the run's own, in place of url."""
    model: str | None = Field(default=None, min_length=1, max_length=256)
    """Name of the model, as the server calls it; left out where the lane has an engine, which names it."""
    api_key_secret: SecretReference | None = None
    """Where the API key is kept on a cluster. Never the key itself."""
    api_key_variable: VariableName | None = None
    """On one machine: the environment variable of whoever runs `tandem run` that holds the API key. Never the key itself."""
    price: PriceSpec | None = None
    """What the lane costs; needed in the cloud when the run has a budget."""
    limits: RateSpec = RateSpec()
    """How fast the lane may be used."""

    @rule
    def one_way_to_its_server(self) -> Iterator[Broken]:
        """A lane is reached in one way."""
        if [self.url is not None, self.urls is not None, self.engine is not None].count(True) != 1:
            yield Broken((), self, "needs exactly one of url, urls and engine")

    @entry_rule
    def names_a_port(self) -> Iterator[Broken]:
        """No call could be made to another."""
        named = (("url",), self.url or ""), *((("urls", index), url) for index, url in enumerate(self.urls or ()))
        yield from (Broken(field, url, NO_PORT) for field, url in named if re.match(BEYOND_PORTS, url))

    @rule
    def its_model_is_named(self) -> Iterator[Broken]:
        """A server that is not ours has to be told which of its models is meant; ours has but one."""
        if self.engine is None and self.model is None:
            yield Broken((), self, "needs model: the name of the model, as the server calls it")
        if self.engine is not None and self.model is not None:
            yield Broken(("model",), self.model, "has no meaning beside engine.model: leave it out")
