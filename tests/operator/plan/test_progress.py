"""What reports tell of a run, and what its falls cost."""

from dataclasses import replace
from datetime import timedelta

from tandem_operator.plan.training_run import plan

from .world import World, run_of

SECOND = timedelta(seconds=1)


def _running(**spec: object) -> World:
    world = World(run_of(**spec))
    world.settle()
    return world


def _preempted(world: World) -> None:
    """Everybody leaves with 143, and the next attempt starts."""
    for worker in world.live():
        world.end(worker.name, 143)
    world.settle()


def test_the_time_to_the_end_follows_from_the_tokens_that_are_left() -> None:
    """Phases differ in tokens a step: 5 of 10 steps of 128 tokens, and 10 steps of 1024, at 1088 tokens a second."""
    short = {"name": "short", "steps": 10, "batchSize": 4, "contextLength": 32}
    world = _running(phases=[short, {**short, "name": "long", "contextLength": 256}])
    world.tell(5, resumed_from=0, tokens_per_second=1088.0)
    assert world.look().status.eta_seconds == 10
    world.edit(suspend=True)
    assert world.look().status.eta_seconds is None


def test_the_time_to_the_end_of_a_script_follows_from_the_time_that_its_steps_took() -> None:
    """What it learns from at a step only it knows: after the first step, ten in 20 s; the fourscore to come take 160 s."""
    world = _running(trainer={"script": {"path": "/train.py"}}, phases=[{"name": "all", "steps": 100, "batchSize": 4}])
    world.tell(10, resumed_from=9)
    world.wait(20 * SECOND)
    world.tell(20, tokens_per_second=1.0)
    assert world.look().status.eta_seconds == 160


def test_lost_steps_are_those_between_the_last_report_and_the_step_that_the_next_attempt_went_on_from() -> None:
    """Fell at 17, went on from 10: seven. Fell again at 12, went on from 12: no more."""
    world = _running()
    world.tell(17, resumed_from=0, checkpoint=10)
    world.look()
    _preempted(world)
    world.tell(10, resumed_from=10)
    assert world.look().status.lost_steps == 7
    world.tell(12, checkpoint=12)
    world.look()
    _preempted(world)
    world.tell(12, resumed_from=12)
    assert world.look().status.lost_steps == 7


def test_a_loss_is_shown_beside_its_own_step() -> None:
    """Fell at 28, went on from 20: the loss of 20 nobody has said. A later word of the same step does not take its loss away."""
    world = _running()
    world.tell(28, resumed_from=0, checkpoint=20, loss=3.0)
    assert (world.look().status.step, world.run.status.loss) == (28, 3.0)
    _preempted(world)
    assert (world.run.status.step, world.run.status.loss) == (28, 3.0)
    world.tell(20, resumed_from=20)
    assert (world.look().status.step, world.run.status.loss) == (20, None)
    world.tell(21, loss=2.9)
    assert (world.look().status.step, world.run.status.loss) == (21, 2.9)
    world.tell(21)
    assert (world.look().status.step, world.run.status.loss) == (21, 2.9)


def test_a_checkpoint_that_is_not_there_any_more_is_told_of() -> None:
    """Once, by the attempt that had to do without it."""
    world = _running()
    world.tell(17, resumed_from=0, checkpoint=10)
    world.look()
    _preempted(world)
    world.tell(10, resumed_from=10)
    assert "CheckpointMissed" not in {event.reason for event in world.look().events}
    world.tell(12, checkpoint=12)
    world.look()
    _preempted(world)
    world.tell(0, resumed_from=0)
    (told,) = (event for event in world.look().events if event.reason == "CheckpointMissed")
    assert "attempt 3 goes on from step 0: the checkpoint of step 12 is not there any more, or cannot be read" in told.message
    assert "CheckpointMissed" not in {event.reason for event in world.look().events}


def test_the_last_words_of_a_fallen_attempt_still_count() -> None:
    """Its report of step 19 comes when the next attempt is named already. That one falls in silence; the third goes on from 18."""
    world = _running()
    world.tell(17, resumed_from=0, checkpoint=10)
    world.look()
    _preempted(world)
    world.tell(19, attempt=1, checkpoint=19)
    status = world.look().status
    assert (status.fell_at_step, status.checkpoint and status.checkpoint.step) == (19, 19)
    world.report = None
    _preempted(world)
    world.wait(20 * SECOND)
    world.settle()
    world.tell(18, resumed_from=18)
    assert world.look().status.lost_steps == 1


def test_steps_lost_to_a_suspension_are_counted_but_its_time_is_not() -> None:
    """A suspended run rests as long as somebody wants it to; that is not the time it needs to get up."""
    world = _running()
    world.tell(17, resumed_from=0, checkpoint=10)
    world.edit(suspend=True)
    world.look()
    world.leave(137)
    world.look()
    world.wait(timedelta(days=1))
    world.edit(suspend=False)
    world.settle()
    world.tell(11, resumed_from=10)
    status = world.look().status
    assert (status.lost_steps, status.time_to_resume_seconds) == (7, None)


def test_time_to_resume_runs_from_the_first_sign_of_the_fall_over_as_many_attempts_as_it_takes() -> None:
    """Preempted, preempted again before the first step, then up: one time, from the first fall to the step."""
    world = _running()
    world.tell(17, resumed_from=0, checkpoint=17)
    world.look()
    _preempted(world)
    world.wait(20 * SECOND)
    _preempted(world)
    world.wait(20 * SECOND)
    world.settle()
    world.wait(5 * SECOND)
    world.tell(18, resumed_from=17)
    status = world.look().status
    assert (status.attempt, status.time_to_resume_seconds, status.fell_at) == (3, 45, None)


def test_the_time_to_resume_begins_when_the_worker_fell_not_when_somebody_looked() -> None:
    """A crash that is seen three seconds late, and a step four seconds after that: seven."""
    world = _running(restart={"backoff": {"first": "1s"}})
    world.wait(SECOND)
    world.end("r-1-0", 1)
    world.wait(3 * SECOND)
    world.look()
    world.wait(4 * SECOND)
    world.settle()
    world.tell(1, resumed_from=0)
    assert world.look().status.time_to_resume_seconds == 7


def test_a_step_that_is_made_while_workers_leave_is_no_sign_that_the_run_is_up_again() -> None:
    """An attempt that was given notice before its first step makes one on the way out."""
    world = _running()
    world.disrupt("r-1-0")
    world.look()
    world.wait(SECOND)
    world.tell(1, resumed_from=0)
    status = world.look().status
    assert (status.step, status.time_to_resume_seconds) == (1, None)
    assert status.fell_at is not None


def test_the_newest_checkpoint_stays_the_newest() -> None:
    """A report that still speaks of an older one does not take it back."""
    world = _running()
    world.tell(10, resumed_from=0, checkpoint=10)
    old = world.seen()
    world.wait(SECOND)
    world.tell(20, checkpoint=20)
    world.look()
    checkpoint = plan(world.run, old, world.now).status.checkpoint
    assert checkpoint is not None
    assert checkpoint.step == 20


def test_a_checkpoint_that_is_further_is_newer_whatever_the_clocks_say() -> None:
    """The next attempt is on a machine whose clock is behind that of the one before."""
    world = _running()
    world.tell(10, resumed_from=0, checkpoint=10)
    checkpoint = world.look().status.checkpoint
    assert checkpoint is not None
    world.tell(20, checkpoint=20)
    assert world.report is not None
    assert world.report.checkpoint is not None
    behind = world.report.checkpoint.model_copy(update={"at": checkpoint.at - 1800 * SECOND})
    world.report = replace(world.report, checkpoint=behind)
    assert world.look().status.checkpoint == behind


def test_a_report_of_an_attempt_that_was_never_written_is_not_believed() -> None:
    """It cannot be ours; and an attempt that said nothing of itself yet leaves the step as it was."""
    world = _running()
    world.tell(17, resumed_from=0)
    world.look()
    seen = world.seen()
    assert seen.report is not None
    foreign = replace(seen, report=replace(seen.report, attempt=9, step=99))
    assert plan(world.run, foreign, world.now).status.step == 17
    mute = replace(seen, report=replace(seen.report, step=0, resumed_from_step=None))
    assert plan(world.run, mute, world.now).status.step == 17
