"""The training processes of one agent: how they are started, told to leave, and mourned."""

import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tandem_trainer import link
from tandem_trainer.exit_codes import DO_NOT_RESTART, DONE, PREEMPTED
from tandem_trainer.job import Job
from tandem_trainer.rank import cards


@dataclass(frozen=True, slots=True, kw_only=True)
class Rank:
    """One training process, and the agent's end of its link."""

    number: int
    process: subprocess.Popen[bytes]
    link: link.Link

    def signal(self, number: int) -> None:
        """Send a signal; one that has ended already does not mind."""
        if self.process.poll() is None:
            self.process.send_signal(number)

    @property
    def exit_code(self) -> int | None:
        """None while it lives; a death by signal n is 128 + n, as shells and kubelets count."""
        code = self.process.poll()
        return 128 - code if code is not None and code < 0 else code


def start(job: Job, environ: Mapping[str, str]) -> tuple[Rank, ...]:
    """Start every rank of this agent."""
    return tuple(_start(job, local, environ) for local in range(job.ranks_per_worker))


def exit_code(codes: Iterable[int]) -> int:
    """What the agent makes of its ranks' exit codes, given in the order in which they fell."""
    codes = tuple(codes)
    if DO_NOT_RESTART in codes:
        return DO_NOT_RESTART
    failures = [code for code in codes if code not in {DONE, PREEMPTED}]
    if failures:
        return failures[0]
    return PREEMPTED if PREEMPTED in codes else DONE


def _start(job: Job, local_rank: int, environ: Mapping[str, str]) -> Rank:
    number = job.worker_rank * job.ranks_per_worker + local_rank
    ours, theirs = link.pair()
    process = subprocess.Popen(
        _command(job),
        env={**environ, **_place(job, number, local_rank, environ), link.AGENT_FD: str(theirs), link.AGENT_PID: str(os.getpid())},
        pass_fds=[theirs],
        stdin=subprocess.DEVNULL,
    )
    os.close(theirs)
    return Rank(number=number, process=process, link=ours)


def _command(job: Job) -> list[str]:
    trainer = job.run.trainer
    if trainer.kind == "script":
        return [sys.executable, "-m", "tandem_trainer.script", trainer.path, *trainer.args]
    return [sys.executable, "-m", "tandem_trainer.run"]


def _place(job: Job, number: int, local_rank: int, environ: Mapping[str, str]) -> dict[str, str]:
    """What torch.distributed, CUDA, ROCm and OpenMP read, as torchrun would set it."""
    host, _, port = job.rendezvous.rpartition(":")
    gpus = job.run.gpus_per_worker
    alone = host in {"127.0.0.1", "localhost"}
    place = {
        "RANK": number,
        "LOCAL_RANK": local_rank,
        "WORLD_SIZE": job.world_size,
        "LOCAL_WORLD_SIZE": job.ranks_per_worker,
        "MASTER_ADDR": host,
        "MASTER_PORT": port,
        # Results are bit-identical only for the same number of threads, so it is fixed by the machine, not left to chance.
        "OMP_NUM_THREADS": environ.get("OMP_NUM_THREADS", threads(job.world_size if alone else job.ranks_per_worker)),
        # Threads that wait by spinning take the processors of a busy machine from those they wait for: measured as a tenth of the speed.
        "OMP_WAIT_POLICY": environ.get("OMP_WAIT_POLICY", "PASSIVE"),
    }
    if gpus:
        place |= cards.settings(environ)
        if alone:  # workers that share a machine share out its cards
            place |= cards.share(environ, job.worker_rank * gpus, gpus)
    else:
        place |= dict.fromkeys(cards.VISIBLE, "")  # who did not ask for cards gets none, also where there are some
    if alone and sys.platform == "linux":
        place["GLOO_SOCKET_IFNAME"] = "lo"  # a machine's own name need not resolve
    return {name: str(value) for name, value in place.items()}


def threads(ranks_on_machine: int) -> int:
    """CPU threads for a rank: its share of the cores that this process may use, at least one."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, available // ranks_on_machine)
