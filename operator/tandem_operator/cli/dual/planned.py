"""The plan for a DualRun as it is printed: its parts with their command lines, and about what it comes to. Starts nothing."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from tandem_operator.api.dollars import dollars
from tandem_operator.api.dual_run import DualRun
from tandem_operator.api.reading.change import changes
from tandem_operator.api.status import RunPhase
from tandem_operator.cli.show import onward, processes, words
from tandem_operator.local.dual.machine import foreseen
from tandem_operator.local.state import wanted
from tandem_operator.local.state.home import Home
from tandem_operator.local.state.run_folder import DualFolder
from tandem_operator.plan.dual import endings
from tandem_operator.plan.dual.estimate import Estimate, LaneEstimate, estimate, reach
from tandem_operator.plan.dual.slots import slots
from tandem_operator.plan.dual.values import Part
from tandem_operator.render.dual_process import process
from tandem_operator.render.process import Process

from . import said

_SAMPLED = 5
_LATER = "Ports stand as 0: free ones are chosen at the start. API keys are handed to workers by environment and are not shown."


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A run, and what would be started for it."""

    run: DualRun
    folder: DualFolder
    processes: tuple[Process, ...]
    changed: tuple[str, ...]
    estimate: Estimate | None

    @classmethod
    def of(cls, run: DualRun) -> "Planned":
        """The plan for `run` on this machine, after what it has done here before.

        Raises:
            SpecError: when `tandem run` would refuse what has changed since.
        """
        folder, changed = Home.of().dual(run.name), ()
        if folder.exists:
            current = folder.run()
            run = wanted.merged(current, run)
            changed = changes(current.spec, run.spec)
        site = foreseen(folder, run)
        starts = {part.name: part.start for part in run.status.parts}
        parts = [Part(run=run.name, slot=slot, start=starts.get(slot.name, 0) + 1) for slot in slots(run)]
        processes = tuple(process(part, run, site) for part in parts)
        return cls(run=run, folder=folder, processes=processes, changed=changed, estimate=estimated(run))

    @property
    def over(self) -> bool:
        """Whether `tandem run` would start nothing."""
        return self.run.status.phase is RunPhase.SUCCEEDED

    def tell(self, *, verbose: bool) -> None:
        """Print the plan for people; `verbose` with the whole environment of each part."""
        _tell(self, verbose=verbose)

    def told(self) -> dict[str, object]:
        """The plan for programs."""
        return {
            "name": self.run.name,
            "startsNothing": self.over,
            "changed": list(self.changed),
            "estimate": None if self.estimate is None else _told(self.estimate),
            "parts": [{"name": part.name, "argv": list(part.argv), "environment": dict(part.environment)} for part in self.processes],
        }


def _tell(planned: Planned, *, verbose: bool) -> None:
    run = planned.run
    if planned.changed:
        print(f"{run.name}: the file differs from what was run: {onward.in_short(planned.changed)}")
    if planned.over:
        print(f"{run.name}: has ended, {said.questions(run)} questions done: `tandem run` would start nothing")
        return
    print("\n".join(said.overview(run, planned.folder)))
    if planned.estimate:
        _print_estimate(planned.estimate)
        for line in _budget(run, planned.estimate):
            print(line)
    for part in planned.processes:
        processes.tell(part, verbose=verbose)
    if verbose:
        print(f"\n{_LATER}")


def estimated(run: DualRun) -> Estimate | None:
    """What a run may come to, from five questions spread over the set; None where the set is elsewhere, or cannot be read."""
    asked = run.spec.questions
    if "://" in asked.source:
        return None
    try:
        lines = [line for line in Path(asked.source).read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
        lines = lines[: asked.limit]
        sampled = [str(json.loads(lines[at])[asked.question_field]) for at in range(0, len(lines), max(1, len(lines) // _SAMPLED))]
    except (OSError, ValueError, KeyError, TypeError):
        return None  # `mistakes` says what is wrong, line by line
    return estimate(run, sampled[:_SAMPLED], len(lines)) if sampled else None


def _print_estimate(found: Estimate) -> None:
    print(
        f"about {found.questions:,} questions of about {found.question_tokens:.0f} tokens, {found.calls:,} calls, "
        f"{found.input_tokens:,} tokens read and {found.output_tokens:,} written if every expert is asked; "
        "an adaptive vote asks far less, probes and repeated calls come on top"
    )
    for lane in found.lanes:
        print(f"  {lane.name:<12} {_lane_said(lane)}")


def _lane_said(lane: LaneEstimate) -> str:
    hours = f" and {dollars(lane.usd_per_hour)} an hour" if lane.usd_per_hour else ""
    time = f"at least {words.length(lane.least.total_seconds())} at its limits" if lane.least else "as fast as its server answers"
    return f"about {dollars(lane.usd)}{hours} if it answers all, {time}"


def _budget(run: DualRun, found: Estimate) -> Iterator[str]:
    """What the budget comes to, and what becomes of the run where it ends before the questions do."""
    limit, status = run.spec.budget.usd, run.status
    if limit is None:
        return
    left = max(Decimal(0), limit - status.spent_usd)
    if (reached := reach(found, left)) is None:
        return
    lane, questions = reached
    asked = found.questions - status.done - status.failed
    money = f"{dollars(left)} that are left of the budget" if status.spent_usd else f"the budget of {dollars(limit)}"
    if left < lane.call_usd:
        yield f"warning: {money}: not one call of {lane.name} is paid for, for which {dollars(lane.call_usd)} are set aside; {_then(run)}"
    elif questions >= asked:
        yield f"{money}: enough for all {asked:,} questions, even if {lane.name} answers them and every expert is asked"
    else:
        some = f"about {questions:,}" if questions else "less than one"
        asking = f"{some} of {asked:,} questions, if {lane.name} answers them and every expert is asked"
        yield f"{money}: enough for {asking}; {_then(run)}"


def _then(run: DualRun) -> str:
    """What the run does at the end of its money."""
    limit = run.spec.budget.usd
    end = endings.exhausted(run.model_copy(update={"status": run.status.model_copy(update={"spent_usd": limit, "exhausted_usd": limit})}))
    if end is None:
        return f"then it goes on with lanes that cost nothing ({run.spec.budget.on_exhausted})"
    return f"then it {'fails' if end.phase is RunPhase.FAILED else 'stops until the budget is larger'} ({run.spec.budget.on_exhausted})"


def _told(found: Estimate) -> dict[str, object]:
    return {
        "questions": found.questions,
        "questionTokens": found.question_tokens,
        "mostCalls": found.calls,
        "mostInputTokens": found.input_tokens,
        "mostOutputTokens": found.output_tokens,
        "lanes": [
            {
                "name": lane.name,
                "mostUsd": float(lane.usd),
                "usdPerHour": float(lane.usd_per_hour),
                "leastSeconds": lane.least.total_seconds() if lane.least else None,
            }
            for lane in found.lanes
        ],
    }
