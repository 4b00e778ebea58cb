"""Doing what a plan says, in its order: stop, start, write the status, then say the events.

Killed between any two of these, the next look finds a world in which the rest is planned again. A write costs nothing here, so every
attempt is written before anything of it starts, the first one included.
"""

import os
from dataclasses import replace
from datetime import datetime

from tandem_operator.api.training_run import TrainingRun
from tandem_operator.plan.values import Plan, Seen
from tandem_operator.render.process import process

from .machine import Machine, site
from .process.environment import passed


def apply(made: Plan, run: TrainingRun, seen: Seen, machine: Machine, now: datetime) -> None:
    """Carry out a plan that was made for `run` from `seen`.

    Raises:
        OSError: when the machine refuses; what was done until then stays done.
    """
    insisted = [worker.name for worker in seen.live() if worker.stopping]
    for name in dict.fromkeys((*made.stop, *insisted)):
        machine.workers.stop(name, now)
    if made.status.attempt != run.status.attempt:
        machine.folder.write_status(made.status)
        run = run.model_copy(update={"status": made.status})
    if made.start:
        here = site(machine, run)
        for worker in made.start:
            wanted = process(worker, here)
            machine.workers.start(replace(wanted, environment={**passed(os.environ), **wanted.environment}), now)
    machine.folder.write_status(made.status)
    machine.folder.say(made.events, now)
