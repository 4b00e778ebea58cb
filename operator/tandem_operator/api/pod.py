"""What a worker is given as a pod, beyond what Tandem knows by itself: processors, memory, Secrets, volumes, and its place in line.

One machine ignores all of it. What is written here is taken over into every pod of the run, so it may name a Secret but never hold one.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Final, Literal

from pydantic import Field, StrictBool, StrictInt

from .credentials import KEEP_IN_SECRET, SECRET_VARIABLES, gives_away
from .model import ApiModel
from .names import (
    ANNOTATION_KEY,
    LABEL_KEY,
    LABEL_VALUE,
    NO_ANNOTATION_KEY,
    NO_LABEL_KEY,
    NO_LABEL_VALUE,
    ObjectName,
    QueueName,
    SecretKeyName,
    SecretName,
    VariableName,
)
from .quantity import Quantity, amount
from .rule import Broken, entry_rule, rule
from .shape import Shape

ABSOLUTE: Final = "/[^:]+"
MountPath = Annotated[
    str, Shape(most=1024, pattern=ABSOLUTE, instead="is no place for a volume: write an absolute path without a colon, such as /data")
]
"""Where a volume appears in a container."""

NO_PLACE: Final = "//|/$|/[.][.]?(/|$)|^/(proc|sys|dev)(/|$)"
"""In a path: it is not in its shortest form, so that nobody finds what is below it, or it leads to what a container runtime mounts."""
NO_MOUNT: Final = "is no place for a volume: write an absolute path without //, . and .. or a / at its end, not in /proc, /sys or /dev"

OUR_VARIABLES: Final = r"TANDEM_.*|(LOCAL_)?(RANK|WORLD_SIZE)|MASTER_(ADDR|PORT)|PYTHONPATH"
"""Variables that say which rank a process is, where the others are and whose code it runs: Tandem sets them or needs them unset."""
THEIR_VARIABLE: Final = "TANDEM_S3_ENDPOINT"
"""The one of these that a run may set, for what its own script reads and writes."""
LEAST_MEMORY: Final = "1Mi"
"""Less memory is never meant: no interpreter starts in it."""


class SecretKey(ApiModel):
    """One value of a Secret in the run's namespace."""

    name: SecretName
    """Name of the Secret."""
    key: SecretKeyName
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

    @entry_rule
    def keeps_secrets_in_secrets(self) -> Iterator[Broken]:
        """Whoever may read the run may read a plain value, and so may the log of the API server."""
        if self.value and (re.fullmatch(SECRET_VARIABLES, self.name) or gives_away(self.value)):
            yield Broken(("value",), None, KEEP_IN_SECRET)


class VolumeSpec(ApiModel):
    """A volume of the namespace, mounted into every worker."""

    mount_path: MountPath
    """Where it appears."""
    claim: ObjectName | None = None
    """Name of a PersistentVolumeClaim; with several workers one that many nodes can mount. Exactly one of claim, secret and configMap."""
    secret: SecretName | None = None
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

    @entry_rule
    def has_a_place_of_its_own(self) -> Iterator[Broken]:
        """A volume elsewhere than it seems lets checkpoints go with their pod; one over the system's own folders hides what is there."""
        if re.search(NO_PLACE.replace("$", r"\Z"), self.mount_path):
            yield Broken(("mountPath",), self.mount_path, NO_MOUNT)


class PodSpec(ApiModel):
    """What every worker's pod gets."""

    cpu: Quantity | None = None
    """Processors asked for, such as 4 or 500m; nothing is asked for when left out."""
    memory: Quantity | None = None
    """Memory asked for, which is also the limit, with its unit, such as 16Gi."""
    shared_memory: Quantity | None = None
    """Size of /dev/shm, where snapshots wait for their upload: two copies of the state of a worker's ranks.

    It counts as memory. No limit of its own when left out.
    """
    env: tuple[Variable, ...] = Field(default=(), max_length=128)
    """Environment variables of the trainer."""
    secrets: tuple[SecretName, ...] = Field(default=(), max_length=16)
    """Secrets whose keys all become environment variables."""
    volumes: tuple[VolumeSpec, ...] = Field(default=(), max_length=32)
    """Volumes with data, tokenizers or scripts."""
    labels: Mapping[str, Annotated[str, Field(max_length=63)]] = Field(default={}, max_length=32)
    """More labels."""
    annotations: Mapping[str, Annotated[str, Field(max_length=4096)]] = Field(default={}, max_length=32)
    """More annotations. `karpenter.sh/do-not-disrupt` reaches pods that are kept off spot machines only: it would take the notice away."""
    image_pull_secrets: tuple[SecretName, ...] = Field(default=(), max_length=16)
    """Secrets that the image is pulled with."""
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = None
    """When the image is pulled; the cluster's own rule when left out."""
    priority_class: ObjectName | None = None
    """Name of a PriorityClass."""
    service_account: ObjectName | None = None
    """ServiceAccount of the workers, such as one that may reach a bucket; the namespace's default one when left out."""
    runtime_class: ObjectName | None = None
    """Name of a RuntimeClass, such as nvidia."""
    queue: QueueName | None = None
    """Name of a Kueue LocalQueue: workers wait there, as one group, until all of them are admitted."""
    grace_seconds: Annotated[StrictInt, Field(ge=1, le=3600)] | None = None
    """Time for the last checkpoint after SIGTERM; what the platform's notice allows when left out."""

    @rule
    def memory_has_a_unit(self) -> Iterator[Broken]:
        """Sixteen bytes are never meant."""
        yield from _too_little("memory", self.memory)

    @rule
    def shared_memory_has_a_unit(self) -> Iterator[Broken]:
        """Likewise."""
        yield from _too_little("sharedMemory", self.shared_memory)

    @entry_rule
    def shared_memory_is_a_part(self) -> Iterator[Broken]:
        """What is written to it counts as memory, so that the rest of it could never be used."""
        if self.memory and self.shared_memory and amount(self.shared_memory) > amount(self.memory):
            sentence = f"is more than memory {self.memory}, of which it is a part: lower it, or raise memory"
            yield Broken(("sharedMemory",), self.shared_memory, sentence)

    @entry_rule
    def variables_have_names_of_their_own(self) -> Iterator[Broken]:
        """The later one would win, in silence."""
        names = [variable.name for variable in self.env]
        for index, name in enumerate(names):
            if name in names[:index]:
                yield Broken(("env", index, "name"), name, f"is the name of env[{names.index(name)}] too: leave one of the two out")

    @entry_rule
    def volumes_have_places_of_their_own(self) -> Iterator[Broken]:
        """Such a pod would be refused, after the attempt had been counted."""
        places = [volume.mount_path for volume in self.volumes]
        for index, place in enumerate(places):
            if place in places[:index]:
                sentence = f"is the place of volumes[{places.index(place)}] too: give each one of its own"
                yield Broken(("volumes", index, "mountPath"), place, sentence)

    @entry_rule
    def labels_have_keys(self) -> Iterator[Broken]:
        """Such a pod would be refused, after the attempt had been counted."""
        yield from misnamed("labels", self.labels, LABEL_KEY, NO_LABEL_KEY)

    @entry_rule
    def labels_have_values(self) -> Iterator[Broken]:
        """Likewise."""
        yield from misvalued("labels", self.labels)

    @entry_rule
    def annotations_have_keys(self) -> Iterator[Broken]:
        """Likewise."""
        yield from misnamed("annotations", self.annotations, ANNOTATION_KEY, NO_ANNOTATION_KEY)


def misnamed(field: str, labels: Mapping[str, str], pattern: str, sentence: str) -> Iterator[Broken]:
    """Keys that Kubernetes would not take."""
    for key in labels:
        if not re.fullmatch(pattern, key):
            yield Broken((field,), key, sentence)


def misvalued(field: str, labels: Mapping[str, str]) -> Iterator[Broken]:
    """Values of labels that Kubernetes would not take."""
    for key, value in labels.items():
        if not re.fullmatch(LABEL_VALUE, value):
            yield Broken((field, key), value, NO_LABEL_VALUE)


def _too_little(field: str, bytes_: str | None) -> Iterator[Broken]:
    """Kubernetes takes a bare number for bytes, and m for thousandths of them."""
    if bytes_ is not None and amount(bytes_) < amount(LEAST_MEMORY):
        yield Broken((field,), bytes_, f"is less than {LEAST_MEMORY}: write more, with its unit, such as 16Gi")
