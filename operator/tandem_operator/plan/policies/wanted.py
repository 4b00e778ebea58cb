"""Which workers an attempt is made of, what they are told, and which of them are not there or should not be.

The size of an attempt is fixed when its number is written (`status.workers`); a change to `spec.workers` is for the next one.
"""

import json
from datetime import datetime
from typing import Any

from tandem_operator.api.model import ApiModel
from tandem_operator.api.phase import PhaseSpec
from tandem_operator.api.placement import Spot
from tandem_operator.api.quantity import amount
from tandem_operator.api.status import RunPhase, RunStatus
from tandem_operator.api.trainer import TrainerSpec
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.plan.phases import UNDER_WAY
from tandem_operator.plan.values import Seen, Worker

from . import rendezvous


def workers(run: TrainingRun) -> tuple[Worker, ...]:
    """The workers of the attempt that the status names, in order of rank."""
    everyone = {
        "TANDEM_JOB": job(run),
        "TANDEM_ATTEMPT": str(run.status.attempt),
        "TANDEM_WORKERS": str(run.status.workers),
        "TANDEM_RANKS_PER_WORKER": str(run.spec.ranks_per_worker),
        "TANDEM_RENDEZVOUS": rendezvous.address(run),
        **_services(run),
    }
    return tuple(
        Worker(
            run=run.name,
            attempt=run.status.attempt,
            rank=rank,
            spot=spot(run.status),
            environment={**everyone, "TANDEM_WORKER_RANK": str(rank)},
        )
        for rank in range(run.status.workers)
    )


def spot(status: RunStatus) -> Spot:
    """What the workers of the current attempt ask of their machines; written when it was named, like its size."""
    return {"Spot": Spot.REQUIRE, "OnDemand": Spot.NEVER}.get(status.capacity, Spot.PREFER)


def missing(run: TrainingRun, seen: Seen, now: datetime) -> tuple[Worker, ...]:
    """The workers to start: those of a pending attempt that are not there, once its wait is over and no other attempt lives."""
    if run.status.phase is not RunPhase.PENDING or others_live(run, seen):
        return ()
    if run.status.start_after and now < run.status.start_after:
        return ()
    names = absent(run, seen)
    return tuple(worker for worker in workers(run) if worker.name in names) if names else ()


def unwanted(run: TrainingRun, seen: Seen) -> tuple[str, ...]:
    """The workers to ask to leave: all that have not ended, are outside the attempt under way, and have not been asked yet.

    Those that are not heard of are asked too: whether they can still be reached, only whoever asks them finds out.
    """
    kept = run.status.attempt if run.status.phase in UNDER_WAY else None
    there = [worker for worker in seen.workers if worker.exit_code is None and not worker.stopping]
    return tuple(worker.name for worker in there if worker.attempt != kept)


def absent(run: TrainingRun, seen: Seen) -> tuple[str, ...]:
    """The names of the workers of the attempt that are not there, neither alive nor dead."""
    present = {worker.rank for worker in seen.of(run.status.attempt)}
    return tuple(f"{run.name}-{run.status.attempt}-{rank}" for rank in range(run.status.workers) if rank not in present)


def down(run: TrainingRun, seen: Seen) -> tuple[str, ...]:
    """The names of the workers of the attempt that are not up: not there, or waiting for something."""
    waiting = {worker.name for worker in seen.of(run.status.attempt) if worker.waiting}
    absentees = absent(run, seen)
    ours = (f"{run.name}-{run.status.attempt}-{rank}" for rank in range(run.status.workers))
    return tuple(name for name in ours if name in waiting or name in absentees)


def others_live(run: TrainingRun, seen: Seen) -> bool:
    """Whether a worker of another attempt may still compute or write."""
    return any(worker.attempt != run.status.attempt for worker in seen.live())


def job(run: TrainingRun) -> str:
    """What workers need of the run, as JSON; read back by `tandem_trainer.job`."""
    spec = run.spec
    return json.dumps(
        {
            "name": run.name,
            "namespace": run.metadata.namespace,
            "uid": run.metadata.uid,
            "gpusPerWorker": spec.gpus_per_worker,
            "trainer": _trainer(spec.trainer),
            "data": _written(spec.data),
            "phases": [_phase(phase, run) for phase in spec.phases],
            "checkpoint": _written(spec.checkpoint),
            "spikes": _written(spec.spikes),
        },
        separators=(",", ":"),
    )


def _trainer(trainer: TrainerSpec) -> dict[str, Any]:
    """The one that is set, beside its name; amounts of memory and disk in bytes."""
    settings: dict[str, Any] = _written(trainer)[trainer.kind]
    if trainer.experts is not None:
        said = {"host": trainer.experts.memory.host, "disk": trainer.experts.memory.disk}
        settings["memory"] |= {name: int(amount(size)) for name, size in said.items() if size is not None}
    return {"kind": trainer.kind, **settings}


def _phase(phase: PhaseSpec, run: TrainingRun) -> dict[str, Any]:
    """A phase with nothing left to look up: its length in steps, and the data that it inherits."""
    written = {**_written(phase), "steps": phase.total_steps, "data": _written(phase.data or run.spec.data)}
    return {name: value for name, value in written.items() if name != "tokens"}


def _services(run: TrainingRun) -> dict[str, str]:
    services: dict[str, str] = {}
    if run.spec.telemetry:
        services["TANDEM_TELEMETRY"] = run.spec.telemetry.address
    if run.spec.memory:
        services |= {"TANDEM_MEMORY": run.spec.memory.address, "TANDEM_MEMORY_NAMESPACE": run.spec.memory.namespace}
    return services


def _written(part: ApiModel) -> dict[str, Any]:
    return part.model_dump(mode="json", by_alias=True, exclude_none=True)
