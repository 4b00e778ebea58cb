"""One mistake each: what people write, the field that is named, and what is said of it, whoever is asked."""

from dataclasses import dataclass
from typing import Any

from tandem_operator.api import names
from tandem_operator.api.trainer import AVAILABLE
from tandem_operator.api.training_run import INSTEAD, NO_SHARED_TOKENIZER, ONE_RANK

Spec = dict[str, Any]

PHASE: Spec = {"name": "one", "steps": 1}
SPEC: Spec = {"trainer": {"script": {"path": "/x.py"}}, "phases": [PHASE]}
_KEPT_ELSEWHERE = "holds a password or key that anybody may read here: keep it in a Secret and name that"
_NO_AMOUNT = "is no amount: write a number, with a unit of Kubernetes where it needs one, such as 500m, 4 or 16Gi"
_TOO_LITTLE = "is less than 1Mi: write more, with its unit, such as 16Gi"
_TRAINERS = ", ".join(AVAILABLE)
_NO_MOUNT = "is no place for a volume: write an absolute path without //, . and .. or a / at its end, not in /proc, /sys or /dev"
_NO_TIME = "is no time at all: write a longer one or leave it out"
_NO_DURATION = 'is no duration: write whole numbers with units d, h, m or s, such as "90s" or "1h30m"'
_AWS = "AKIA" + "ABCDEFGH" * 2


@dataclass(frozen=True, slots=True)
class Mistake:
    """A spec with a mistake, the field as `tandem run` names it, and the sentence."""

    spec: Spec
    field: str
    said: str

    @property
    def whole(self) -> Spec:
        """The spec with all else that a run needs."""
        return {**SPEC, **self.spec}


def _model(**model: Any) -> Spec:
    return {"trainer": {"deepspeed": {"model": model, "microBatchSize": 1}}}


def _variable(name: str, value: str) -> Spec:
    return {"pod": {"env": [{"name": name, "value": value}]}}


def _arguments(*words: str) -> Spec:
    return {"trainer": {"script": {"path": "/x", "args": list(words)}}}


def _tolerating(**toleration: Any) -> Spec:
    return {"placement": {"tolerations": [toleration]}}


SHAPES = (
    Mistake(
        {"phases": [{**PHASE, "name": "A"}]}, "phases[0].name", '"A" is no name: write lower-case letters, digits and dashes, not beginning'
    ),
    Mistake({"memory": {"address": "a:1", "namespace": "-"}}, "memory.namespace", f'"-" {names.NAME.instead}'),
    Mistake({"memory": {"address": "http://a:1"}}, "memory.address", '"http://a:1" is no address of a service: write host:port, such as'),
    Mistake({"checkpoint": {"uri": "/x"}}, "checkpoint.uri", '"/x" is no place for files: write s3://bucket/prefix or file:///folder'),
    Mistake(
        {"checkpoint": {"endpoint": "minio"}}, "checkpoint.endpoint", '"minio" is no address of an S3 service: write http:// or https://'
    ),
    Mistake({"checkpoint": {"secret": "sk_x"}}, "checkpoint.secret", "is no name of an object: write lower-case letters"),
    Mistake(
        {"checkpoint": {"uri": "s3://u:p@b"}}, "checkpoint.uri", "holds a user name, password or key: take it out and give credentials"
    ),
    Mistake({"budget": {"usd": 0}}, "budget.usd", "0 pays for nothing: write more than 0, or leave it out for no limit"),
    Mistake({"budget": {"usd": 1e300}}, "budget.usd", "1e+300 is too large: write 1000000000 or less"),
    Mistake({"budget": {"usdPerWorkerHour": 1e30}}, "budget.usdPerWorkerHour", "1e+30 is too large: write 1000000000 or less"),
    Mistake({"budget": {"usd": -2.5}}, "budget.usd", "-2.5 pays for nothing: write more than 0"),
    Mistake({"workers": 0}, "workers", "0 is too small: write 1 or more"),
    Mistake({"workers": 20_000}, "workers", "20000 is too large: write 10000 or less"),
    Mistake({"budget": {"usd": 5, "warnAt": 80}}, "budget.warnAt", "80 is too large: write 1 or less"),
    Mistake({"budget": {"usd": 5, "warnAt": 0}}, "budget.warnAt", "0 is too small: write more than 0"),
    Mistake({"budget": {"usd": 5, "usdPerWorkerHour": -1.5}}, "budget.usdPerWorkerHour", "-1.5 is too small: write 0 or more"),
    Mistake({"phases": [{**PHASE, "learningRate": 0}]}, "phases[0].learningRate", "0 is too small: write more than 0"),
    Mistake({"checkpoint": {"everySteps": 0}}, "checkpoint.everySteps", "0 is too small: write 1 or more"),
    Mistake({"deadline": "90"}, "deadline", f'"90" {_NO_DURATION}'),
    Mistake({"deadline": "0s"}, "deadline", f'"0s" {_NO_TIME}'),
    Mistake({"image": "https://ghcr.io/x"}, "image", '"https://ghcr.io/x" is no name of an image: write registry/path:tag in lower case'),
    Mistake({"image": "Trainer"}, "image", '"Trainer" is no name of an image'),
    Mistake({"image": "u:hunter2@ghcr.io/x"}, "image", "is no name of an image"),
)
"""Texts and amounts that are not what their field holds."""

SUMS = (
    Mistake({"workers": 2, "minWorkers": 3}, "minWorkers", "3 is more than workers 2: lower it or leave it out"),
    Mistake({"minWorkers": 1, "pod": {"queue": "team"}}, "minWorkers", "1 does not go with pod.queue team: leave one of the two out"),
    Mistake({"accelerator": "nvidia"}, "gpusPerWorker", "0 does not go with accelerator nvidia: set both or neither"),
    Mistake(
        {"accelerator": "amd", "gpusPerWorker": 1, "processesPerWorker": 2},
        "processesPerWorker",
        "2 is more than the 1 cards of a worker: lower it or leave it out",
    ),
    Mistake(
        {"workers": 3, **_model()},
        "phases[0].batchSize",
        "16 is not a multiple of the 3 sequences that 3 ranks take at once: change batchSize, workers or microBatchSize",
    ),
    Mistake(
        _model(width=28),
        "trainer.deepspeed.model.width",
        "28 is not a multiple of twice the 4 heads: choose a multiple of 8, or another number of heads",
    ),
    Mistake({"phases": [{**PHASE, "warmupSteps": 2}]}, "phases[0].warmupSteps", "2 is more than the 1 steps of the phase: lower it"),
    Mistake({"phases": [{**PHASE, "tokens": 5}]}, "phases[0].tokens", "5 does not go with steps 1: leave one of the two out"),
    Mistake({"phases": [{"name": "one"}]}, "phases[0]", "has no length: give it steps or tokens"),
    Mistake(
        {"trainer": {"experts": {"model": {"width": 12, "heads": 4}}}},
        "trainer.experts.model.width",
        "12 is not a multiple of twice the 4 heads: choose a multiple of 8, or another number of heads",
    ),
    Mistake(
        {"trainer": {"experts": {"mixture": {"count": 1}}}},
        "trainer.experts.mixture.active",
        "2 is more than the 1 experts there are: lower it, or raise count",
    ),
    Mistake({"workers": 2, "trainer": {"experts": {}}}, "trainer.experts", f"{ONE_RANK} (here are 2)"),
    Mistake({"trainer": {}}, "trainer", f"has none: give exactly one of {_TRAINERS}"),
    Mistake(
        {"trainer": {"deepspeed": {"microBatchSize": 1}, "script": {"path": "/x"}}},
        "trainer",
        f"has 2, deepspeed, script: give exactly one of {_TRAINERS}",
    ),
    Mistake({"trainer": {"lattice": {}}}, "trainer.lattice", f"is not available in this version: use {' or '.join(AVAILABLE)}"),
    Mistake(
        {**_model(pretrained="/m"), "data": {"source": "/text"}}, "data.source", '"/text" holds no conversations, and a pretrained model'
    ),
    Mistake(
        {**_model(), "data": {"tokenizer": "/t.json"}, "phases": [PHASE, {**PHASE, "name": "two", "data": {"source": "/x"}}]},
        "phases[1].data.tokenizer",
        f'"bytes" is not "/t.json", that of phase one: {NO_SHARED_TOKENIZER} {INSTEAD}',
    ),
    Mistake(
        {"trainer": {"experts": {}}, "phases": [{**PHASE, "data": {"tokenizer": "/t.json"}}, {**PHASE, "name": "two"}]},
        "data.tokenizer",
        '"bytes" is not "/t.json", that of phase one: tokens would mean something else',
    ),
)
"""Numbers and choices that do not go together."""

PODS = (
    Mistake({"pod": {"cpu": "lots"}}, "pod.cpu", f'"lots" {_NO_AMOUNT}'),
    Mistake({"pod": {"cpu": -1}}, "pod.cpu", f"-1 {_NO_AMOUNT}"),
    Mistake({"pod": {"cpu": "-1"}}, "pod.cpu", f'"-1" {_NO_AMOUNT}'),
    Mistake({"pod": {"cpu": "1E3"}}, "pod.cpu", f'"1E3" {_NO_AMOUNT}'),
    Mistake({"pod": {"cpu": "Gi"}}, "pod.cpu", f'"Gi" {_NO_AMOUNT}'),
    Mistake({"pod": {"memory": 16}}, "pod.memory", f'"16" {_TOO_LITTLE}'),
    Mistake({"pod": {"memory": "512m"}}, "pod.memory", f'"512m" {_TOO_LITTLE}'),
    Mistake({"pod": {"sharedMemory": "16"}}, "pod.sharedMemory", f'"16" {_TOO_LITTLE}'),
    Mistake(
        {"pod": {"memory": "16Gi", "sharedMemory": "20G"}},
        "pod.sharedMemory",
        '"20G" is more than memory 16Gi, of which it is a part: lower it, or raise memory',
    ),
    Mistake(
        {"pod": {"memory": "16Gi", "sharedMemory": "1Ei"}},
        "pod.sharedMemory",
        '"1Ei" is more than memory 16Gi, of which it is a part: lower it, or raise memory',
    ),
    Mistake({"pod": {"labels": {"bad key": "x"}}}, "pod.labels", f'"bad key" {names.NO_LABEL_KEY}'),
    Mistake({"pod": {"labels": {"team": "a b"}}}, "pod.labels.team", f'"a b" {names.NO_LABEL_VALUE}'),
    Mistake({"pod": {"annotations": {"/x": "y"}}}, "pod.annotations", f'"/x" {names.NO_ANNOTATION_KEY}'),
    Mistake({"placement": {"nodeSelector": {"pool": "-"}}}, "placement.nodeSelector.pool", f'"-" {names.NO_LABEL_VALUE}'),
    Mistake({"placement": {"nodeSelector": {"a/b/c": "x"}}}, "placement.nodeSelector", f'"a/b/c" {names.NO_LABEL_KEY}'),
    Mistake(_tolerating(key="a b", operator="Exists"), "placement.tolerations[0].key", f'"a b" {names.NO_LABEL_KEY}'),
    Mistake(_tolerating(key="a", value="b c"), "placement.tolerations[0].value", f'"b c" {names.NO_LABEL_VALUE}'),
    Mistake(_tolerating(), "placement.tolerations[0].key", "is needed with operator Equal: name the taint's key or use Exists"),
    Mistake(
        _tolerating(key="a", operator="Exists", value="b"),
        "placement.tolerations[0].value",
        '"b" has no meaning with operator Exists: leave it out or use Equal',
    ),
    Mistake(
        {"placement": {"spot": "Never", "onDemandAfter": "10m"}},
        "placement.onDemandAfter",
        '"10m" has no meaning with spot Never: use Prefer or leave it out',
    ),
    Mistake(_variable("1A", "x"), "pod.env[0].name", '"1A" is no name of a variable: write letters, digits and underscores'),
    Mistake(_variable("RANK", "1"), "pod.env[0].name", '"RANK" is Tandem\'s own: leave it out or take another name'),
    Mistake({"pod": {"env": [{"name": "A"}]}}, "pod.env[0]", '"A" has no value: give it value or secret'),
    Mistake({"pod": {"volumes": [{"mountPath": "/a"}]}}, "pod.volumes[0]", '"/a" needs exactly one of claim, secret and configMap'),
    *(
        Mistake({"pod": {"volumes": [{"mountPath": path, "claim": "c"}]}}, "pod.volumes[0].mountPath", f'"{path}" {_NO_MOUNT}')
        for path in ("//data", "/data/../etc", "/data/..", "/data/./x", "/data/", "/proc", "/sys/fs", "/dev/shm")  # noqa: S108 - a path that is refused
    ),
    Mistake({"pod": {"volumes": [{"mountPath": "a", "claim": "c"}]}}, "pod.volumes[0].mountPath", '"a" is no place for a volume: write'),
)
"""What Kubernetes would not take, or take for something else."""

TWICE = (
    Mistake(
        {"pod": {"env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]}}, "pod.env[1].name", '"A" is the name of env[0] too'
    ),
    Mistake(
        {"pod": {"volumes": [{"mountPath": "/a", "claim": "c"}, {"mountPath": "/a", "claim": "d"}]}},
        "pod.volumes[1].mountPath",
        '"/a" is the place of volumes[0] too',
    ),
)
"""What is there twice: a server does not count, so that it only says which."""

SECRETS = (
    Mistake(_variable("DATABASE", "postgres://bob:hunter2@host/db"), "pod.env[0].value", _KEPT_ELSEWHERE),
    Mistake(_variable("AWS_SECRET_ACCESS_KEY", "hunter2"), "pod.env[0].value", _KEPT_ELSEWHERE),
    Mistake(_variable("DB_PASSWORD", "hunter2"), "pod.env[0].value", _KEPT_ELSEWHERE),
    Mistake(_variable("WANDB_API_KEY", "hunter2"), "pod.env[0].value", _KEPT_ELSEWHERE),
    Mistake(_variable("HF_TOKEN", "hunter2"), "pod.env[0].value", _KEPT_ELSEWHERE),
    Mistake(_variable("ANY", _AWS), "pod.env[0].value", _KEPT_ELSEWHERE),
    Mistake(_arguments("-v", "https://bob:hunter2@host/x"), "trainer.script.args[1]", _KEPT_ELSEWHERE),
    Mistake(_arguments("--token", "hf_" + "hunter2A" * 4), "trainer.script.args[1]", _KEPT_ELSEWHERE),
    Mistake(_arguments("--key", "sk-ant-api03-" + "hunter2A" * 3), "trainer.script.args[1]", _KEPT_ELSEWHERE),
    Mistake(_arguments("--api-key", "hunter2"), "trainer.script.args[0]", _KEPT_ELSEWHERE),
    Mistake(_arguments("--verbose", "--api-key=hunter2"), "trainer.script.args[1]", _KEPT_ELSEWHERE),
    Mistake(_arguments("--key", "sk-" + "hunter2A" * 3), "trainer.script.args[1]", _KEPT_ELSEWHERE),
)
"""Secrets in plain, which are not shown again."""

MISTAKES = (*SHAPES, *SUMS, *PODS, *SECRETS)

_OF_ANOTHER: Spec = {"phases": [PHASE, {**PHASE, "name": "two", "data": {"tokenizer": "/t.json"}}]}

GOOD: tuple[Spec, ...] = (
    _OF_ANOTHER,
    {
        **_model(),
        "phases": [{**PHASE, "name": name, "data": {"tokenizer": "/t.json", "seed": seed}} for seed, name in enumerate(("one", "two"))],
    },
    {"pod": {"cpu": 4, "memory": 17179869184, "sharedMemory": "4G"}},
    {"pod": {"cpu": "500m", "memory": ".5Gi"}},
    {"pod": {"volumes": [{"mountPath": f"/{name}", "claim": "c"} for name in ("device", "...", "a..b/.c", "..d", "data/proc")]}},
    {"pod": {"memory": "4Ei", "sharedMemory": "1E"}},
    {"budget": {"usd": 1_000_000_000, "usdPerWorkerHour": 1e9}},
    {"pod": {"labels": {"a.b/c": "", "D_e.f": "x-1"}, "annotations": {"Example.com/x": "any text: at all"}}},
    _variable("TANDEM_S3_ENDPOINT", "http://minio:9000"),
    _variable("ENDPOINT", "https://bob@host/x?version=1"),
    _variable("PAD_TOKEN", "<pad>"),
    _arguments("--api-key-file", "/run/secrets/key"),
    {"image": "localhost:5000/team/trainer:1.0_a@sha256:" + "0f" * 32},
    {"image": "trainer"},
    _arguments("--output", "/mnt/sk-learn-experiments-run"),
    {"deadline": "999999999999d"},
    {"checkpoint": {"uri": "s3://bucket/" + "x" * 90}},
)
"""What is meant as it is written."""

BEYOND: tuple[Spec, ...] = (
    _model(heads=0),
    _model(heads=2**62, width=2**62),
    {**_model(), "workers": 0},
    {**_model(), "workers": 2**62, "processesPerWorker": 2**62},
    {"trainer": {"deepspeed": {"microBatchSize": 0}}},
    {"trainer": {"deepspeed": {"microBatchSize": 2**62}}, "workers": 7},
    {"phases": [{"name": "one", "tokens": 2**63 - 1, "batchSize": 2**62}]},
    {"phases": [{"name": "one", "tokens": 5, "contextLength": 0, "batchSize": 0}]},
    {"phases": [{**PHASE, "warmupSteps": 2**62, "batchSize": -3}], **_model()},
    {"workers": -1, "minWorkers": 2**62},
)
"""Numbers beyond the limits of their fields, which rules reckon with."""
