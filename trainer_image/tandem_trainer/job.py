"""What an agent was told: the run, the attempt, its own place in it. Read once, from the environment, and never changed.

The planner writes it (operator, `plan/policies/wanted.py`); `tests/contracts` proves that every example of ours reads back.
"""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class _Told(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="ignore", frozen=True, populate_by_name=True)


class Model(_Told):
    """Sizes of Tandem's own transformer, the name of a Hugging Face configuration, or the folder of a model that goes on learning."""

    layers: int = 4
    width: int = 128
    heads: int = 4
    hugging_face: str | None = None
    pretrained: Path | None = None


class Optimizer(_Told):
    """AdamW's settings."""

    beta1: float = 0.9
    beta2: float = 0.95
    epsilon: float = 1e-8
    weight_decay: float = 0.1


class Mixture(_Told):
    """Experts: how many, how large, how they learn."""

    count: int = 32
    active: int = 2
    inner_width: int = 256
    learning_rule: Literal["hard_equal", "responsibility", "local_adam", "hebbian", "oja", "end_to_end"] = "responsibility"
    rate: float | None = None
    clip: float = 1.0
    temperature: float = 1.0
    balance: float = 0.05
    keys_from_tokens: bool = False
    renew_every: int | None = None


class Memory(_Told):
    """Where experts are: slots of the device, and bytes of host memory that they may take. None is as suits their size, and all there is.

    With `disk` they lie in `folder` instead, or where temporary files do, and take so many bytes of that disk.
    """

    streaming_slots: int = 3
    hot_slots: int = 0
    experts_per_slot: int | None = None
    keep_activations: bool = False
    host: int | None = None
    disk: int | None = None
    folder: Path | None = None

    @property
    def on_disk(self) -> Path | None:
        """The folder, if that is where they are."""
        if self.disk is None:
            return None
        return self.folder or Path(tempfile.gettempdir())


def _usual_precision(told: dict[str, Any]) -> Literal["bf16", "fp32"]:
    """Experts keep their master copies in fp32 and compute with them."""
    return "fp32" if told.get("kind") == "experts" else "bf16"


class Trainer(_Told):
    """The trainer that was chosen, with the settings of whichever it is."""

    kind: Literal["deepspeed", "experts", "script"]
    zero_stage: int = 2
    micro_batch_size: int = 4
    precision: Literal["bf16", "fp32"] = Field(default_factory=_usual_precision)
    model: Model = Model()
    optimizer: Optimizer = Optimizer()
    gradient_clip: float = 1.0
    activation_checkpointing: bool = False
    mixture: Mixture = Mixture()
    memory: Memory = Memory()
    path: str = ""
    args: tuple[str, ...] = ()


class Data(_Told):
    """What is learned from."""

    source: str = "python-stdlib"
    include: tuple[str, ...] = ("*.py",)
    tokenizer: str = "bytes"
    fill_in_the_middle: float = 0.5
    seed: int = 0


class Phase(_Told):
    """A stretch of the run."""

    name: str
    steps: int
    context_length: int = 256
    batch_size: int = 16
    learning_rate: float = 3e-4
    warmup_steps: int = 0
    schedule: Literal["constant", "cosine"] = "cosine"
    data: Data = Data()


class Checkpoint(_Told):
    """Where and how often state is kept."""

    uri: str
    every_steps: int | None = None
    every_seconds: int | None = None
    keep_last: int = 5
    keep_best: bool = True


class Spikes(_Told):
    """What counts as a loss spike, and what follows."""

    action: Literal["Ignore", "Report", "Stop"] = "Report"
    window: int = 128
    sigmas: float = 6.0


class Run(_Told):
    """The run, as far as workers need it."""

    name: str
    namespace: str = "default"
    uid: str = ""
    gpus_per_worker: int = 0
    trainer: Trainer
    phases: tuple[Phase, ...]
    checkpoint: Checkpoint
    spikes: Spikes = Spikes()

    @property
    def total_steps(self) -> int:
        """Length in optimizer steps."""
        return sum(phase.steps for phase in self.phases)

    def with_experts_in(self, folder: str) -> "Run":
        """The same; where experts are to lie on a disk, told where that is on this machine."""
        if self.trainer.memory.disk is None:
            return self
        memory = self.trainer.memory.model_copy(update={"folder": Path(folder)})
        return self.model_copy(update={"trainer": self.trainer.model_copy(update={"memory": memory})})


class Job(_Told):
    """A run, and the place of one agent in one attempt of it."""

    run: Run
    attempt: int
    worker_rank: int
    workers: int
    ranks_per_worker: int
    rendezvous: str
    scratch: Path
    cache: Path
    telemetry: str | None = None
    token_file: Path | None = None
    asked: Path | None = None
    """Folder of the file by which checkpoints are asked for (worker/asked.py)."""
    store_patience_s: float = 0.0
    """How long a store that does not answer is waited for at the start, in seconds; 0 where a person looks on, who is told at once."""
    grace_s: float = 110.0
    """How long a worker that is asked to leave is left alone, in seconds; where nobody says, most of a two-minute notice."""
    telemetry_ca: str | None = None
    """PEM text, public: the authority that telemetry's certificate comes from. Without it telemetry is spoken to in plain text."""

    @property
    def world_size(self) -> int:
        """Ranks of the whole attempt."""
        return self.workers * self.ranks_per_worker

    @property
    def leads(self) -> bool:
        """Whether this is the agent of rank 0, which alone commits checkpoints."""
        return self.worker_rank == 0

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "Job":
        """The job that a shell described.

        Raises:
            KeyError: when a variable is missing: this is no worker of Tandem.
            pydantic.ValidationError: when planner and trainer do not speak the same version.
        """
        told: dict[str, Any] = {
            "run": Run.model_validate_json(environ["TANDEM_JOB"]).with_experts_in(environ.get("TANDEM_EXPERTS", environ["TANDEM_SCRATCH"])),
            "attempt": environ["TANDEM_ATTEMPT"],
            "worker_rank": environ["TANDEM_WORKER_RANK"],
            "workers": environ["TANDEM_WORKERS"],
            "ranks_per_worker": environ["TANDEM_RANKS_PER_WORKER"],
            "rendezvous": environ["TANDEM_RENDEZVOUS"],
            "scratch": environ["TANDEM_SCRATCH"],
            "cache": environ["TANDEM_CACHE"],
            "telemetry": environ.get("TANDEM_TELEMETRY"),
            "token_file": environ.get("TANDEM_TOKEN_FILE"),
            "asked": environ.get("TANDEM_ASKED"),
            "store_patience_s": environ.get("TANDEM_STORE_PATIENCE_SECONDS", "0"),
            "grace_s": environ.get("TANDEM_GRACE_SECONDS", cls.model_fields["grace_s"].default),
            "telemetry_ca": environ.get("TANDEM_TELEMETRY_CA") or None,
        }
        return cls.model_validate(told)
