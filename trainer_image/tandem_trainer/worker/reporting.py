"""What an agent tells the world of its ranks: lines in the log, a record of every step on disk, reports to telemetry.

Only the agent of rank 0 speaks. Losses are equal on all ranks, so one voice is enough; and telemetry that is slow or gone
never holds up training, because the reporter drops the oldest report rather than wait.
"""

import json
import os
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from google.protobuf.timestamp_pb2 import Timestamp
from tandem.telemetry.v1 import telemetry_pb2 as wire
from tandem_telemetry.client import Reporter

from tandem_trainer import last_words
from tandem_trainer.job import Job
from tandem_trainer.link import Resumed, Stepped
from tandem_trainer.worker.uploads import Kept

if TYPE_CHECKING:
    from tandem_rpc import ClientTls

_LINE_EVERY_S = 2.0
_REPORT_EVERY_S = 0.25
_LONGEST_PROBLEM = 300  # characters; it stands in a status


class Reporting:
    """The voice of an agent."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._sink = Reporter(job.telemetry, job.token_file, tls=_trust(job)) if job.leads and job.telemetry else None
        self._steps = job.scratch / "steps.jsonl"
        self._newest = wire.WorkerReport(trainer=job.run.trainer.kind, total_steps=job.run.total_steps)
        self._newest.source.namespace = job.run.namespace
        self._newest.source.run = job.run.name
        self._newest.source.uid = job.run.uid
        self._newest.source.attempt = job.attempt
        self._newest.source.rank = job.worker_rank
        self._said_at = self._reported_at = 0.0

    @property
    def step(self) -> int:
        """Optimizer steps done since the beginning of the run, as far as this agent was told."""
        return self._newest.step

    def line(self, text: str) -> None:
        """One line in the log. A disk that is full must not end a run that could go on."""
        with suppress(OSError):
            print(f"{datetime.now(UTC):%H:%M:%S} {text}", flush=True)  # noqa: T201  # standard output is the log of a worker

    def resumed(self, message: Resumed) -> None:
        """The ranks know where they go on."""
        if self._job.leads:
            self.line(f"going on from step {message.step}" if message.step else "starting at the beginning")
        self._newest.resumed_from_step = self._newest.step = message.step
        self._report(now=True)

    def stepped(self, message: Stepped) -> None:
        """An optimizer step is done."""
        at = datetime.now(UTC)
        with suppress(OSError), self._steps.open("a") as steps:  # likewise
            steps.write(json.dumps(_record(message, at)) + "\n")
        newest = self._newest
        if not newest.HasField("first_step_at"):
            newest.first_step_at.CopyFrom(_timestamp(at))
        newest.step, newest.training_phase, newest.loss = message.step, message.phase, message.loss
        newest.tokens, newest.tokens_per_second = message.tokens, message.tokens_per_second
        newest.learning_rate, newest.step_seconds, newest.spikes = message.learning_rate, message.seconds, message.spikes
        newest.refused_updates = message.refused_updates
        if message.gradient_norm is not None:
            newest.gradient_norm = message.gradient_norm
        if message.utilization is not None:
            newest.utilization = message.utilization
        if message.device_memory_bytes is not None:
            newest.device_memory_bytes = message.device_memory_bytes
        if message.broken_experts is not None:
            newest.broken_experts = message.broken_experts
        last = message.step == self._job.run.total_steps
        self._say(message, now=last)
        self._report(now=last)

    def kept(self, kept: Kept) -> None:
        """A checkpoint is complete."""
        committed, blocked = kept.committed, kept.snapshot.blocked_seconds
        assert committed is not None
        checkpoint = wire.Checkpoint(
            step=committed.step, uri=committed.uri, bytes=committed.bytes, blocked_seconds=blocked, save_seconds=kept.seconds
        )
        checkpoint.at.CopyFrom(_timestamp(committed.at))
        self._newest.checkpoint.CopyFrom(checkpoint)
        self._newest.checkpoint_problem = ""
        size = f"{committed.bytes / 1e6:.1f} MB"
        self.line(
            f"checkpoint of step {committed.step}: {size}, training stood still {blocked * 1e3:.0f} ms, saved in {kept.seconds:.1f} s"
        )
        self._report(now=True)

    def not_checkpointed(self, why: str) -> None:
        """A checkpoint could not be saved; the one before it stays."""
        self._newest.checkpoint_failures += 1
        self._newest.checkpoint_problem = last_words.without_secrets(why, os.environ)[:_LONGEST_PROBLEM]
        self.line(f"checkpoint failed: {why}")
        self._report(now=True)

    def close(self) -> None:
        """Send what is left."""
        if self._sink is not None:
            self._report(now=True)
            self._sink.close(5.0)

    def _say(self, message: Stepped, *, now: bool) -> None:
        if now or time.monotonic() - self._said_at >= _LINE_EVERY_S:
            self._said_at = time.monotonic()
            total = self._job.run.total_steps
            rate, memory = f"{message.tokens_per_second:,.0f} tokens/s", message.device_memory_bytes
            held = f"  device memory {memory / 1e6:,.2f} MB" if memory is not None else ""
            self.line(f"step {message.step}/{total}  {message.phase}  loss {message.loss:.4f}  {rate}{held}")

    def _report(self, *, now: bool) -> None:
        if self._sink is None or not (now or time.monotonic() - self._reported_at >= _REPORT_EVERY_S):
            return
        self._reported_at = time.monotonic()
        report = wire.WorkerReport()
        report.CopyFrom(self._newest)
        report.at.GetCurrentTime()
        self._sink.report(report)


def _trust(job: Job) -> "ClientTls | None":
    if job.telemetry_ca is None:
        return None
    from tandem_rpc import ClientTls

    authority = job.scratch / "telemetry-ca.pem"
    authority.write_text(job.telemetry_ca)
    return ClientTls(ca=authority)


def _record(message: Stepped, at: datetime) -> dict[str, object]:
    return {
        "step": message.step,
        "loss": message.loss,
        "phase": message.phase,
        "tokensPerSecond": message.tokens_per_second,
        "learningRate": message.learning_rate,
        "gradientNorm": message.gradient_norm,
        "deviceMemoryBytes": message.device_memory_bytes,
        "at": at.isoformat(),
    }


def _timestamp(at: datetime) -> Timestamp:
    timestamp = Timestamp()
    timestamp.FromDatetime(at)
    return timestamp
