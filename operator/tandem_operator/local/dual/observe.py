"""What is: the parts of a DualRun, whether they answer, and the newest word of the coordinator."""

import http.client
import json
from datetime import datetime
from pathlib import Path

from tandem_operator.api.dual_run import DualRun
from tandem_operator.plan.dual.values import DualReport, DualSeen, Role, SeenPart
from tandem_operator.plan.values import SeenWorker
from tandem_operator.render.dual_process import DualSite

from .machine import DualMachine

_ASK_S = 1.0


def observe(run: DualRun, machine: DualMachine, site: DualSite, report: DualReport | None, now: datetime) -> DualSeen:
    """All that the planner may rest on, at this moment."""
    found = (_part(run, seen, machine.folder.workers, site) for seen in machine.workers.look(now))
    return DualSeen(parts=tuple(part for part in found if part), report=report)


def _part(run: DualRun, seen: SeenWorker, workers: Path, site: DualSite) -> SeenPart | None:
    """A process of this run's as a part; its name is `<run>-<role>-<index>-<start>`."""
    role, index, start = seen.name.removeprefix(f"{run.name}-").rsplit("-", 2)
    if role not in {known.value for known in Role}:
        return None
    return SeenPart(
        name=seen.name,
        role=Role(role),
        index=int(index),
        start=int(start),
        since=seen.since,
        until=seen.until,
        exit_code=seen.exit_code,
        message=seen.message,
        ready=seen.live and _answers(Role(role), workers / seen.name, f"{role}-{index}", site),
        stopping=seen.stopping,
    )


def _answers(role: Role, folder: Path, slot: str, site: DualSite) -> bool:
    """Whether it answers: a service has written down where it listens, an engine says that it is well."""
    match role:
        case Role.WORKER:
            return True
        case Role.ENGINE:
            return _is_well(folder, slot, site)
        case Role.MEMORY | Role.COORDINATOR:
            return (folder / "address.json").exists()


def _is_well(folder: Path, slot: str, site: DualSite) -> bool:
    """An engine that was well once is not asked again: a busy one answers late, and whether it is any good, its lane finds out."""
    mark = folder / "well.json"
    if mark.exists():
        return True
    if slot not in site.ports:  # a slot that an edit has taken out of the run
        return False
    asked = http.client.HTTPConnection("127.0.0.1", site.ports[slot], timeout=_ASK_S)
    try:
        asked.request("GET", "/health")
        well = asked.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        asked.close()
    if well:
        mark.write_text(json.dumps({"well": True}), encoding="utf-8")
    return well
