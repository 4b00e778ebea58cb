"""How a DualRun stands, for people: its line in the table of all runs, and all about it."""

from collections.abc import Collection, Iterator
from datetime import datetime

from tandem_operator.api.dual_run import DualRun
from tandem_operator.api.dual_status import LaneStatus
from tandem_operator.cli.show import words
from tandem_operator.local.process.folder import folders
from tandem_operator.local.state.run_folder import DualFolder
from tandem_operator.plan.dual.values import Role

from . import said

HEAD = ("NAME", "PHASE", "ANSWERED", "LANES", "SPENT", "ATTEMPT", "AGE")
"""What stands over the columns of `row`."""


def row(run: DualRun, alone: str, now: datetime) -> tuple[str, ...]:
    """The run in the table of all DualRuns."""
    status = run.status
    return (
        run.name,
        f"{status.phase.value} (left)" if alone else status.phase.value,
        said.questions(run),
        said.lanes(run) or words.NOTHING,
        said.spend(run),
        str(status.attempt),
        words.age(run.metadata.creation_timestamp, now),
    )


def facts(run: DualRun, folder: DualFolder, alone: str) -> dict[str, str]:
    """All about the run, by name."""
    status = run.status
    why = f" ({status.reason}{f': {status.message}' if status.message else ''})" if status.reason else ""
    told = {
        "name": run.name,
        "phase": f"was {status.phase.value} when last seen: {alone}" if alone else f"{status.phase.value}{why}",
        "questions": f"{said.questions(run)}, {status.failed} given up",
        "agreement": words.number(status.agreement, 2),
        "left": words.length(status.eta_seconds),
        "spent": said.spend(run),
        **{f"lane {lane.name}": _lane(lane) for lane in status.lanes},
        **({"memory": said.memory(status.memory)} if status.memory else {}),
        "parts": ", ".join(f"{name}{f' (start {start})' if start > 1 else ''}" for name, start in _started(run, folder)) or words.NOTHING,
        "state": str(folder.path),
    }
    if alone or status.phase.resting:
        del told["left"]
    return told


def going_on(live: Collection[str]) -> str:
    """What those parts do that live though nobody acts for their run; they are named by their slots."""
    many = f"{len(live)} of its parts go{'es' if len(live) == 1 else ''} on"
    missing = next((role for role in (Role.COORDINATOR, Role.WORKER) if not any(slot.startswith(role) for slot in live)), None)
    if missing:
        return f"{many}, and nothing is answered without a {missing}"
    return f"{many}: questions are answered and their cost is counted, but whatever falls is not started again"


def _started(run: DualRun, folder: DualFolder) -> Iterator[tuple[str, int]]:
    """The slots in which something was started, and its newest number: the status may name one that is yet to come."""
    numbers = [(each.path.name.removeprefix(f"{run.name}-").rpartition("-")[0], each.name.rank) for each in folders(folder.workers)]
    for part in run.status.parts:
        if found := [number for slot, number in numbers if slot == part.name]:
            yield part.name, max(found)


def _lane(lane: LaneStatus) -> str:
    problem = f" ({lane.problem})" if lane.problem else ""
    return f"{lane.state}{problem}, {lane.done} questions, {lane.calls} calls, {lane.in_flight} in flight"
