"""Doing what a plan for a DualRun says, in its order: stop, start, write the status, then say the events.

Killed between any two of these, the next look finds a world in which the rest is planned again: a number is in the status that was
read before anything is started under it.
"""

import os
import shutil
from collections.abc import Mapping
from datetime import datetime

from tandem_operator.api.dual_run import DualRun
from tandem_operator.local.process.environment import passed
from tandem_operator.local.state import durable
from tandem_operator.plan.dual.values import DualPlan, DualSeen, Part, Role
from tandem_operator.render.dual_process import SEARCHED, DualSite, job_text, process
from tandem_operator.render.process import Process

from .machine import DualMachine


def apply(made: DualPlan, run: DualRun, seen: DualSeen, machine: DualMachine, *, site: DualSite, now: datetime) -> None:
    """Carry out a plan that was made for `run` from `seen`.

    Raises:
        OSError: when the machine refuses; what was done until then stays done.
    """
    insisted = [part.name for part in seen.live() if part.stopping]
    for name in dict.fromkeys((*made.stop, *insisted)):
        machine.workers.stop(name, now)
    for part in made.start:
        if part.slot.role is Role.COORDINATOR:
            durable.write(machine.folder.job, job_text(run, site))
        machine.workers.start(_given(process(part, run, site), part, run), now)
    machine.folder.write_status(made.status)
    machine.folder.say(made.events, now)


def keys(run: DualRun, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The variables with API keys that are set; workers get them, and nobody else."""
    names = {lane.api_key_variable for lane in run.spec.lanes if lane.api_key_variable}
    return {name: environ[name] for name in sorted(names) if name in environ}


def missing_keys(run: DualRun, environ: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """A line for each variable with an API key that nobody has set."""
    return tuple(
        f"spec.lanes[{index}].apiKeyVariable: {lane.api_key_variable} is not set: export it, or correct the name"
        for index, lane in enumerate(run.spec.lanes)
        if lane.api_key_variable and not environ.get(lane.api_key_variable)
    )


def missing_programs(run: DualRun, environ: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """A line for each lane whose server is a program that is not on PATH."""
    wanted = [(index, SEARCHED.get(lane.engine.server)) for index, lane in enumerate(run.spec.lanes) if lane.engine]
    return tuple(
        f"spec.lanes[{index}].engine.server: there is no program {program} on PATH: install it, or give the url of a server that runs"
        for index, program in wanted
        if program and not shutil.which(program, path=environ.get("PATH", ""))
    )


def _given(wanted: Process, part: Part, run: DualRun) -> Process:
    """The process with what this shell was given, as far as its part has business with it."""
    secret = keys(run) if part.slot.role is Role.WORKER else {}
    environment = {**passed(os.environ), **wanted.environment, **secret}
    return Process(name=wanted.name, argv=wanted.argv, environment=environment, directory=wanted.directory)
