"""What happens around a step: when state is kept, and when an attempt stops."""

import pytest
from tandem_trainer import link as links
from tandem_trainer.checkpoint.reader import Reader, candidates, load_manifest
from tandem_trainer.refusal import Refusal

from tests.trainer_image.rank.attempts import Place, sigterm

NAN = float("nan")


def test_state_is_kept_every_so_many_steps_and_at_the_end_of_each_phase(place: Place) -> None:
    """Every third step and the last of each phase, counted over the whole run; each snapshot holds the state of its step."""
    place.train((4, 5), every=3)
    assert place.agent.kept() == [3, 4, 6, 9]
    assert (place.code, place.trainer.begun) == (0, [0, 1])
    for key in candidates(place.store):
        reader = Reader(place.store, load_manifest(place.store, key))
        place.trainer.restore(reader)
        assert place.trainer.weights.tolist() == [reader.manifest.step] * 5
        assert reader.manifest.tokens == 10 * reader.manifest.step


def test_every_step_is_told_with_what_was_measured(place: Place) -> None:
    """The agent hears of each step once, in order, after hearing where the attempt goes on."""
    place.train((2, 1))
    place.agent.listen()
    stepped = [each for each in place.agent.heard if isinstance(each, links.Stepped)]
    assert place.agent.heard[0] == links.Resumed(step=0)
    assert [(each.step, each.phase, each.tokens) for each in stepped] == [(1, "phase-0", 10), (2, "phase-0", 20), (3, "phase-1", 30)]
    assert [each.broken_experts for each in stepped] == [0, 1, 2]
    assert [each.refused_updates for each in stepped] == [0, 1, 3]


def test_a_snapshot_that_finds_no_room_is_owed_and_taken_at_the_next_step_that_has(place: Place) -> None:
    """Steps 2 and 4 fill all memory; 6 is due but has no room, and 7, which is not due, is kept in its place."""
    place.hold(0)
    place.deeds[6, 0] = lambda: place.agent.release(for_good=True)
    place.train((10,), every=2)
    assert place.agent.kept() == [2, 4, 7, 8, 10]


def test_the_end_of_a_phase_is_kept_for_certain(place: Place) -> None:
    """With no memory free when the ranks agreed, the last step of a phase waits for room rather than go unkept."""
    place.hold(0)
    place.deeds[5, 2] = lambda: place.agent.release(for_good=True)  # after the last agreement that its end can go by
    place.train((6, 1), every=2)
    assert place.agent.kept() == [2, 4, 6, 7]


@pytest.mark.parametrize(("after", "kept"), [(0, [5, 10]), (4, [5, 10]), (5, [5, 7, 10]), (500, [5, 7, 10])])
def test_what_the_agent_asks_for_is_kept_once_and_training_goes_on(place: Place, after: int, kept: list[int]) -> None:
    """Asked in step 7 for a later state than one before: it is there already, or that of this very step is kept, once.

    An attempt may have gone on from before the checkpoint that the asker knows of.
    """
    place.deeds[6, 0] = lambda: place.agent.ask(after)
    place.train((10,), every=5)
    assert place.agent.kept() == kept


@pytest.mark.parametrize(("micro_batch", "kept", "given_up"), [(0, 3, [3]), (1, 4, []), (2, 4, [4])])
def test_sigterm_in_a_step_keeps_the_last_whole_one_and_leaves(place: Place, micro_batch: int, kept: int, given_up: list[int]) -> None:
    """Wherever in step 3 it comes, no whole step is lost, none is kept half, and the next attempt loses nothing."""
    place.deeds[3, micro_batch] = sigterm
    place.train()
    assert (place.code, place.agent.kept(), place.trainer.given_up) == (143, [kept], given_up)
    place.deeds.clear()
    place.train()
    assert (place.code, place.agent.heard[0]) == (0, links.Resumed(step=kept))
    assert place.trainer.weights.tolist() == [6.0] * 5


def test_sigterm_in_the_last_step_is_no_reason_to_leave_early(place: Place) -> None:
    """All steps are made and the last is kept: the run is done, not preempted."""
    place.deeds[5, 1] = sigterm
    place.train()
    assert (place.code, place.agent.kept()) == (0, [6])


def test_sigterm_before_the_first_step_was_whole_keeps_nothing(place: Place) -> None:
    """There is no state worth keeping yet; leaving is all that is asked for."""
    place.deeds[0, 0] = sigterm
    place.train()
    assert (place.code, place.agent.kept()) == (143, [])


def test_state_after_a_loss_that_is_no_number_is_not_kept(place: Place) -> None:
    """Neither when it is due, nor at the end of a phase, nor on leaving: the checkpoint before is better."""
    place.losses = lambda step: NAN if 2 <= step <= 6 else 1.0
    place.deeds[6, 0] = sigterm
    place.train((4, 9), every=2)
    assert (place.code, place.agent.kept()) == (143, [2])


@pytest.mark.parametrize("action", ["Ignore", "Report", "Stop"])
@pytest.mark.parametrize("lost", [NAN, float("inf")])
def test_ten_losses_in_a_row_that_are_no_numbers_stop_the_run(place: Place, action: str, lost: float) -> None:
    """The weights are lost whatever was asked for; who asked to stop at spikes is stopped at the first."""
    place.losses = lambda step: lost if step >= 3 else 1.0
    with pytest.raises(Refusal, match=r"at step 4 is a spike" if action == "Stop" else r"since step 4: lower learningRate"):
        place.train((30,), every=2, spikes={"action": action})
    assert place.agent.kept() == [2]
    told = [each for each in place.agent.heard if isinstance(each, links.Stepped)]
    assert told[-1].step == (4 if action == "Stop" else 13)


def test_nine_losses_in_a_row_that_are_no_numbers_do_not_stop_the_run(place: Place) -> None:
    """One finite loss begins the count anew, and its state is kept again."""
    place.losses = lambda step: 1.0 if step % 10 == 0 else NAN
    place.train((31,), every=1)
    assert (place.code, place.agent.kept()) == (0, [1, 11, 21, 31])


def test_a_last_loss_that_is_no_number_is_not_done(place: Place) -> None:
    """A run whose end could not be kept is refused, and does not say that it is done."""
    place.losses = lambda step: NAN if step == 5 else 1.0
    with pytest.raises(Refusal, match="loss is nan since step 6"):
        place.train(every=2, spikes={"action": "Ignore"})
    assert place.agent.kept() == [2, 4]


def test_a_spike_stops_before_it_is_kept_where_that_was_asked_for(place: Place) -> None:
    """The step with the spike is told but its state is not kept, though it is due."""
    place.losses = lambda step: 9.0 if step == 11 else 1.0
    with pytest.raises(Refusal, match="loss 9 at step 12 is a spike: stopped before it is kept"):
        place.train((30,), every=4, spikes={"action": "Stop"})
    assert place.agent.kept() == [4, 8]


@pytest.mark.parametrize(("action", "told"), [("Report", 1), ("Ignore", 0)])
def test_a_spike_is_counted_or_ignored_as_asked_for(place: Place, action: str, told: int) -> None:
    """Training goes on either way, and only the count that is told differs."""
    place.losses = lambda step: 9.0 if step == 11 else 1.0
    place.train((13,), spikes={"action": action})
    place.agent.listen()
    stepped = [each for each in place.agent.heard if isinstance(each, links.Stepped)]
    assert [each.spikes for each in stepped[10:]] == [0, told, told]
