"""What a worker is given as a pod, beyond what Tandem knows by itself: processors, memory, Secrets, volumes, and its place in line.

One machine ignores all of it. What is written here is taken over into every pod of the run, so it may name a Secret but never hold one.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Final, Literal

from pydantic import Field, StrictBool, StrictInt

from .model import ApiModel
from .rule import Broken, rule

Quantity = Annotated[str, Field(pattern=r"^[0-9]+([.][0-9]+)?(m|k|Ki|M|Mi|G|Gi|T|Ti|P|Pi)?$", max_length=32)]
"""An amount as Kubernetes writes it, such as 500m, 4 or 16Gi."""

ObjectName = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", max_length=253)]
"""The name of an object beside the run, in its namespace."""

VariableName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=256)]
"""The name of an environment variable."""


OUR_VARIABLES: Final = r"TANDEM_.*|(LOCAL_)?(RANK|WORLD_SIZE)|MASTER_(ADDR|PORT)|PYTHONPATH"
"""Variables that say which rank a process is, where the others are and whose code it runs: Tandem sets them or needs them unset."""
THEIR_VARIABLE: Final = "TANDEM_S3_ENDPOINT"
"""The one of these that a run may set, for what its own script reads and writes."""


class SecretKey(ApiModel):
    """One value of a Secret in the run's namespace."""

    name: ObjectName
    """Name of the Secret."""
    key: Annotated[str, Field(min_length=1, max_length=253)]
    """Key in it."""


class Variable(ApiModel):
    """An environment variable: a plain value, or one out of a Secret."""

    name: VariableName
    """Its name."""
    value: Annotated[str, Field(max_length=4096)] | None = None
    """Its value; anybody who may read the run can read it. Exactly one of value and secret."""
    secret: SecretKey | None = None
    """Where its value is kept."""

    @rule
    def one_source(self) -> Iterator[Broken]:
        """Two values would leave open which one holds."""
        if self.value is None and self.secret is None:
            yield Broken((), self.name, "has no value: give it value or secret")
        if self.value is not None and self.secret is not None:
            yield Broken(("secret",), self.secret.name, "does not go with value: leave one of the two out")

    @rule
    def leaves_our_names_alone(self) -> Iterator[Broken]:
        """What the planner tells its workers must reach them."""
        if re.fullmatch(OUR_VARIABLES, self.name) and self.name != THEIR_VARIABLE:
            yield Broken(("name",), self.name, "is Tandem's own: leave it out or take another name")


class VolumeSpec(ApiModel):
    """A volume of the namespace, mounted into every worker."""

    mount_path: Annotated[str, Field(pattern=r"^/.+", max_length=1024)]
    """Where it appears."""
    claim: ObjectName | None = None
    """Name of a PersistentVolumeClaim; with several workers one that many nodes can mount. Exactly one of claim, secret and configMap."""
    secret: ObjectName | None = None
    """Name of a Secret."""
    config_map: ObjectName | None = None
    """Name of a ConfigMap."""
    read_only: StrictBool = False
    """Whether workers may only read it; Secrets and ConfigMaps are never written."""

    @rule
    def one_source(self) -> Iterator[Broken]:
        """A volume is one thing."""
        if sum(source is not None for source in (self.claim, self.secret, self.config_map)) != 1:
            yield Broken((), self.mount_path, "needs exactly one of claim, secret and configMap")


class PodSpec(ApiModel):
    """What every worker's pod gets."""

    cpu: Quantity | None = None
    """Processors asked for; nothing is asked for when left out."""
    memory: Quantity | None = None
    """Memory asked for, which is also the limit, with its unit, such as 16Gi."""
    shared_memory: Quantity | None = None
    """Size of /dev/shm, where snapshots wait for their upload: two copies of the state of a worker's ranks.

    It counts as memory. No limit of its own when left out.
    """
    env: tuple[Variable, ...] = Field(default=(), max_length=128)
    """Environment variables of the trainer."""
    secrets: tuple[ObjectName, ...] = Field(default=(), max_length=16)
    """Secrets whose keys all become environment variables."""
    volumes: tuple[VolumeSpec, ...] = Field(default=(), max_length=32)
    """Volumes with data, tokenizers or scripts."""
    labels: Mapping[str, Annotated[str, Field(max_length=63)]] = Field(default={}, max_length=32)
    """More labels."""
    annotations: Mapping[str, Annotated[str, Field(max_length=4096)]] = Field(default={}, max_length=32)
    """More annotations."""
    image_pull_secrets: tuple[ObjectName, ...] = Field(default=(), max_length=16)
    """Secrets that the image is pulled with."""
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = None
    """When the image is pulled; the cluster's own rule when left out."""
    priority_class: ObjectName | None = None
    """Name of a PriorityClass."""
    service_account: ObjectName | None = None
    """ServiceAccount of the workers, such as one that may reach a bucket; the namespace's default one when left out."""
    runtime_class: ObjectName | None = None
    """Name of a RuntimeClass, such as nvidia."""
    queue: ObjectName | None = None
    """Name of a Kueue LocalQueue: workers wait there, as one group, until all of them are admitted."""
    grace_seconds: Annotated[StrictInt, Field(ge=1, le=3600)] | None = None
    """Time for the last checkpoint after SIGTERM; what the platform's notice allows when left out."""

    @rule
    def memory_has_a_unit(self) -> Iterator[Broken]:
        """Sixteen bytes are never meant."""
        yield from _without_unit("memory", self.memory)

    @rule
    def shared_memory_has_a_unit(self) -> Iterator[Broken]:
        """Likewise."""
        yield from _without_unit("sharedMemory", self.shared_memory)


def _without_unit(field: str, amount: str | None) -> Iterator[Broken]:
    """Kubernetes takes a bare number for bytes, and m for thousandths of them."""
    if amount is not None and amount[-1:] in "0123456789m":
        yield Broken((field,), amount, f'is a number of bytes: write its unit, such as "{amount.rstrip("m")}Gi"')
