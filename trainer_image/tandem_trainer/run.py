"""THE loop, the same for all trainers. Read it first: everything else here is called from it, or made for it."""

import importlib
import os
import sys
from pathlib import Path
from typing import NoReturn

from tandem_trainer import link as links
from tandem_trainer.exit_codes import DONE, PREEMPTED
from tandem_trainer.job import Job
from tandem_trainer.rank.session import Session
from tandem_trainer.rank.world import World
from tandem_trainer.trainer import Trainer
from tandem_trainer.verdict import verdict

_TRAINERS = {
    "deepspeed": ("tandem_trainer.deepspeed.train", "DeepSpeedTrainer"),
    "experts": ("tandem_trainer.experts.train", "ExpertsTrainer"),
}


def train(trainer: Trainer, session: Session) -> int:
    """Make the steps that are left; the exit code that follows from how it went."""
    session.resume(os.environ, trainer.restore, trainer.slices)
    phase_index = None
    for at in session.positions():
        if at.phase_index != phase_index:
            trainer.begin(at.phase_index, at.phase)
            phase_index = at.phase_index
        report = trainer.step(at, session.stop)
        if report is None:
            session.gave_up(at, trainer.slices)
        else:
            session.stepped(at, report, trainer.slices)
    return PREEMPTED if session.left_early else DONE


def main() -> NoReturn:
    """One rank, from its environment to its exit code."""
    links.die_with_agent(os.environ)
    link = links.to_agent(os.environ)
    if link is None:
        sys.exit("tandem_trainer.run is started by tandem_trainer.agent; to try a run by hand: tandem run FILE")
    leave(link, attempt(link))


def attempt(link: links.Link) -> int:
    """Train, and turn whatever goes wrong into an exit code and one line for the agent."""
    try:
        job, world = Job.from_environment(os.environ), World.from_environment(os.environ)
        return train(_trainer(job, world, link), Session(job, world, link))
    except Exception as error:  # noqa: BLE001  # whatever it is, the agent must hear of it before this process ends
        code, line = verdict(error)
        link.send(links.Ended(message=line))
        return code


def leave(link: links.Link, code: int) -> NoReturn:
    """End this rank at once: its state is with the agent, and tearing down process groups can wait on ranks that are gone."""
    link.close()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _trainer(job: Job, world: World, link: links.Link) -> Trainer:
    module, name = _TRAINERS[job.run.trainer.kind]
    kind = getattr(importlib.import_module(module), name)
    world.insist_on(job.run.gpus_per_worker)
    world.join()
    return kind(job.run, world, _shards(link))


def _shards(link: links.Link) -> tuple[Path, ...]:
    """The folders of token shards that the agent prepared meanwhile, one for each phase."""
    received = link.receive()
    assert received is not None
    message, _ = received
    assert isinstance(message, links.Prepared), f"expected the prepared data, was told {message}"
    return tuple(Path(folder) for folder in message.shards)


if __name__ == "__main__":
    main()
