"""Refuses worlds that cannot be, so that no test of the planner rests on one."""

from collections.abc import Iterator
from datetime import datetime

from tandem_operator.api.training_run import TrainingRun
from tandem_operator.plan.values import Report, Seen, SeenNode, SeenWorker


def check(run: TrainingRun, seen: Seen, now: datetime) -> None:
    """Fail with every reason why `seen` cannot be the world of `run` at `now`."""
    problems = [
        *_twice("worker", [worker.name for worker in seen.workers]),
        *_twice("node", [node.name for node in seen.nodes]),
        *(problem for worker in seen.workers for problem in _worker(worker, run, seen, now)),
        *(problem for node in seen.nodes for problem in _node(node)),
        *(_report(seen.report, run, now) if seen.report else ()),
        *(["looked at in the future"] if run.status.looked_at and run.status.looked_at > now else []),
    ]
    assert not problems, "; ".join(problems)


def _twice(kind: str, names: list[str]) -> Iterator[str]:
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"{kind} {name} is seen twice"


def _worker(worker: SeenWorker, run: TrainingRun, seen: Seen, now: datetime) -> Iterator[str]:
    who = f"worker {worker.name}"
    if worker.name != f"{run.name}-{worker.attempt}-{worker.rank}":
        yield f"{who} is not named after run {run.name}, attempt {worker.attempt} and rank {worker.rank}"
    if not 1 <= worker.attempt <= max(run.status.attempt, 1):
        yield f"{who} is of an attempt that was never written: {run.status.attempt} is the newest"
    if worker.since > now:
        yield f"{who} will begin later than now"
    if worker.until and not worker.since <= worker.until <= now:
        yield f"{who} ended before it began, or will end later than now"
    if worker.exit_code is None and (worker.until or worker.message):
        yield f"{who} lives, and yet has an end or last words"
    if worker.exit_code is not None and worker.waiting:
        yield f"{who} has ended, and yet waits"
    if not worker.placed and (worker.node or worker.fenced):
        yield f"{who} has no machine, and yet is on one"
    if worker.exit_code is not None and not 0 <= worker.exit_code <= 255:
        yield f"{who} exited with {worker.exit_code}, which no process can"
    if worker.node and seen.node(worker.node) is None:
        yield f"{who} is on node {worker.node}, which is not seen"


def _node(node: SeenNode) -> Iterator[str]:
    if node.usd_per_hour is not None and node.usd_per_hour < 0:
        yield f"node {node.name} pays us for using it"


def _report(report: Report, run: TrainingRun, now: datetime) -> Iterator[str]:
    if not 1 <= report.attempt <= max(run.status.attempt, 1):
        yield f"attempt {report.attempt} reports, but was never written"
    if report.at > now or (report.first_step_at and report.first_step_at > report.at):
        yield "the report is of the future, or of steps in its own future"
    if report.step < (report.resumed_from_step or 0):
        yield f"step {report.step} comes before step {report.resumed_from_step}, from which the attempt went on"
    if report.checkpoint and (report.checkpoint.step > report.step or report.checkpoint.at > report.at):
        yield "the checkpoint holds steps that were not made yet"
