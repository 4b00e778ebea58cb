"""What must hold for every plan, in every world: the properties of the planner, as one reads them in its documentation."""

from datetime import datetime, timedelta
from decimal import Decimal

from tandem_operator.api.status import RunPhase, RunStatus
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.plan.phases import WAYS
from tandem_operator.plan.values import Plan, Seen, Worker

_KNOWN_WAYS = {(way.source, way.target, reason.value) for way in WAYS for reason in way.reasons}
_ROUNDING_USD = Decimal("1e-9")
_LONGEST_NOTICE = timedelta(hours=1)  # what spec.pod.graceSeconds may be at most


def keep(run: TrainingRun, seen: Seen, now: datetime, made: Plan) -> None:
    """Fail if the plan `made` for `run` breaks a law."""
    starts_only_what_may_be_started(run, seen, made)
    waits_only_with_what_is_seen_again(run, seen, made)
    stops_only_what_lives(seen, made)
    takes_only_known_ways(run.status, made.status)
    absorbs_in_the_end(run.status, made.status)
    counts_never_fall(run.status, made.status)
    spends_no_more_than_one_look_too_much(run, seen, now, made)
    runs_only_when_all_are_up(seen, made)
    loses_no_more_than_it_spends(run.status, made.status)
    holds_up_nobody_for_long(seen, now, made)
    assert made.look_again is None or made.look_again.total_seconds() >= 0
    assert not made.remove or (made.status.phase.terminal and not seen.live())


def starts_only_what_may_be_started(run: TrainingRun, seen: Seen, made: Plan) -> None:
    """No name twice, no attempt that is not written yet save the first, no attempt while another lives."""
    for worker in made.start:
        assert worker.name not in {known.name for known in seen.workers}, f"{worker.name} is started twice"
        assert worker.attempt == made.status.attempt, f"{worker.name} starts, and is not of the attempt that is planned"
        assert worker.attempt == run.status.attempt or first_of_all(run, worker), f"{worker.name} starts before its attempt is written"
        assert all(live.attempt == worker.attempt for live in seen.live()), f"{worker.name} starts while another attempt lives"
        assert worker.spare == (made.status.phase is RunPhase.RUNNING), f"{worker.name} is spare in a run that is {made.status.phase}"
        assert not worker.spare or made.status.workers <= worker.rank < run.spec.workers
    adopted = (run.status.attempt, made.status.attempt) == (0, 1) and bool(seen.of(1))
    if made.status.attempt != run.status.attempt and not adopted:
        assert not seen.live(), "an attempt is named while another lives"
        assert (run.spec.min_workers or run.spec.workers) <= made.status.workers <= run.spec.workers
        assert not any(run.spec.model_copy(update={"workers": made.status.workers}).batches_split_evenly())
        assert made.status.attempt > max([run.status.attempt, *(worker.attempt for worker in seen.workers)])


def first_of_all(run: TrainingRun, worker: Worker) -> bool:
    """Whether a worker is of the one attempt that may start unwritten: the first, of a run that nobody has edited."""
    return (run.status.attempt, worker.attempt, run.metadata.generation) == (0, 1, 1)


def waits_only_with_what_is_seen_again(run: TrainingRun, seen: Seen, made: Plan) -> None:
    """A status that need not be written says nothing but that the first attempt is started, or comes up."""
    if made.can_wait:
        assert made.start or seen.of(1)
        assert all(first_of_all(run, worker) for worker in made.start)
        assert not made.stop
        assert made.status.phase is RunPhase.PENDING
        assert (made.status.failures, made.status.preemptions, made.remove, made.hold) == (0, 0, False, False)
        assert seen.refused is None


def stops_only_what_lives(seen: Seen, made: Plan) -> None:
    """Whoever is asked to leave has not ended, or is a spare, and was not asked before; of older attempts everybody is, heard of or not."""
    unasked = {worker.name for worker in seen.workers if worker.exit_code is None and not worker.stopping}
    assert set(made.stop) <= unasked | {worker.name for worker in seen.workers if worker.spare and worker.exit_code is not None}
    old = {worker.name for worker in seen.workers if worker.attempt < made.status.attempt}
    assert unasked & old <= set(made.stop), "somebody of an older attempt may stay"
    if made.status.phase in {RunPhase.STOPPING, RunPhase.SUSPENDED, RunPhase.SUCCEEDED, RunPhase.FAILED}:
        assert set(made.stop) == unasked, f"in {made.status.phase}, somebody may stay"


def runs_only_when_all_are_up(seen: Seen, made: Plan) -> None:
    """A run that is said to run has every worker that it is made of, each heard of, and none that waits."""
    if made.status.phase is RunPhase.RUNNING:
        up = {worker.rank for worker in seen.of(made.status.attempt) if not worker.waiting and not worker.fenced}
        assert up >= set(range(made.status.workers)), "it is said to run, and somebody is not up"
        assert made.status.pending_since is None


def holds_up_nobody_for_long(seen: Seen, now: datetime, made: Plan) -> None:
    """Only who runs is held; where a machine is cordoned a checkpoint is asked for, once, and waited for no longer than a notice lasts."""
    assert not made.hold or made.status.phase is RunPhase.RUNNING
    ours = [worker for worker in seen.of(made.status.attempt) if worker.live]
    if made.hold and any(node.cordoned for worker in ours if (node := seen.node(worker.node))):
        assert made.save is not None
        assert made.save.at <= now < made.save.at + _LONGEST_NOTICE
    asked = [worker.asked for worker in ours if worker.rank == 0 and worker.asked]
    assert not made.save or not asked or made.save == asked[0]


def loses_no_more_than_it_spends(before: RunStatus, after: RunStatus) -> None:
    """Dollars that were lost are among those that were spent, and none comes back."""
    assert before.lost_usd <= after.lost_usd <= after.spent_usd


def takes_only_known_ways(before: RunStatus, after: RunStatus) -> None:
    """A change of phase is in the table, for a reason that is in the table."""
    assert before.phase is after.phase or (before.phase, after.phase, after.reason) in _KNOWN_WAYS


def absorbs_in_the_end(before: RunStatus, after: RunStatus) -> None:
    """A run that is over stays as it is: phase, reason, attempt, counts and end."""
    if before.phase.terminal:
        for field in ("phase", "reason", "message", "attempt", "failures", "preemptions", "finished_at"):
            assert getattr(after, field) == getattr(before, field), f"{field} of a run that is over has changed"


def counts_never_fall(before: RunStatus, after: RunStatus) -> None:
    """An attempt is counted at most once, as one thing, and no count is ever taken back."""
    grown = (after.failures - before.failures, after.preemptions - before.preemptions)
    assert grown in {(0, 0), (1, 0), (0, 1)}
    assert after.attempt >= before.attempt
    assert after.lost_steps >= before.lost_steps
    assert after.spent_usd >= before.spent_usd
    assert not after.looked_at or not before.looked_at or after.looked_at >= before.looked_at


def spends_no_more_than_one_look_too_much(run: TrainingRun, seen: Seen, now: datetime, made: Plan) -> None:
    """Past the limit everybody is asked to leave and nobody is started, so only what is on its way out costs more."""
    limit, before, after = run.spec.budget.usd, run.status, made.status
    if limit is None or before.phase.terminal or after.spent_usd < limit:
        return
    assert not made.start
    assert {worker.name for worker in seen.live() if not worker.stopping} <= set(made.stop), "somebody goes on without money"
    if before.spent_usd < limit and seen.workers:
        last_look = before.looked_at or min(worker.since for worker in seen.workers)
        one_look = _dearest_usd_per_hour(run, seen) * Decimal((now - last_look).total_seconds()) / 3600
        assert after.spent_usd <= before.spent_usd + one_look + _ROUNDING_USD


def _dearest_usd_per_hour(run: TrainingRun, seen: Seen) -> Decimal:
    """What all workers would cost if none shared a node."""
    prices = (node.usd_per_hour if (node := seen.node(worker.node)) else None for worker in seen.workers)
    return sum(((run.spec.budget.usd_per_worker_hour or Decimal(0)) if price is None else price for price in prices), Decimal(0))
