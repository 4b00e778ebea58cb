"""Where an attempt goes on: at the newest checkpoint that can be read."""

from collections.abc import Callable

import pytest
from tandem_trainer import link as links
from tandem_trainer.checkpoint.reader import candidates
from tandem_trainer.refusal import Refusal

from tests.trainer_image.rank.attempts import Counting, Place, sigterm


def interrupted(place: Place) -> None:
    """Leave checkpoints of steps 2, 4 and 5 of 9, in the second phase."""
    place.deeds[4, 1] = sigterm
    place.train((2, 7), every=4)
    assert place.agent.kept() == [2, 4, 5]
    place.deeds.clear()


def test_the_next_attempt_goes_on_where_the_last_one_left(place: Place) -> None:
    """Steps, tokens, phase and weights all follow those of the checkpoint, under a higher claim."""
    interrupted(place)
    place.train((2, 7), every=4)
    assert place.agent.kept() == [8, 9]
    assert place.agent.heard[0] == links.Resumed(step=5)
    first, *_, last = (each for each in place.agent.heard if isinstance(each, links.Stepped))
    assert (first.step, first.tokens, last.step, last.tokens) == (6, 60, 9, 90)
    assert place.trainer.begun == [1]
    assert place.trainer.weights.tolist() == [9.0] * 5
    assert {each.claim for each in place.agent.heard if isinstance(each, links.Snapshot)} == {2}


def test_a_run_that_is_done_makes_no_more_steps(place: Place) -> None:
    """A worker started again after the last step ends at once, and well."""
    place.train()
    place.train()
    assert (place.code, place.agent.kept(), place.agent.heard) == (0, [], [links.Resumed(step=6)])


def spoil_chunk(place: Place) -> None:
    newest = place.files("chunks")[-1]
    data = bytearray(newest.read_bytes())
    data[0] ^= 1
    newest.write_bytes(data)


def lose_chunk(place: Place) -> None:
    place.files("chunks")[-1].unlink()


def cut_manifest(place: Place) -> None:
    newest = place.files("manifests")[-1]
    newest.write_bytes(newest.read_bytes()[:-9])


def age_manifest(place: Place) -> None:
    newest = place.files("manifests")[-1]
    newest.write_text(newest.read_text().replace('"version":1', '"version":2', 1))


@pytest.mark.parametrize("damage", [spoil_chunk, lose_chunk, cut_manifest, age_manifest])
def test_a_checkpoint_that_cannot_be_read_is_passed_over(place: Place, damage: Callable[[Place], None]) -> None:
    """The one before it is taken, the agent is told which was passed over, and its manifest stays."""
    interrupted(place)
    newest = candidates(place.store)[0]
    damage(place)
    place.train((2, 7))
    assert place.agent.kept() == [9]
    assert place.agent.heard[0] == links.Resumed(step=4, passed_over=(newest,))
    assert place.trainer.weights.tolist() == [9.0] * 5
    assert newest in candidates(place.store)


def test_when_no_checkpoint_can_be_read_the_run_does_not_begin_again(place: Place) -> None:
    """Beginning anew would bury what a person may still mend: it is refused, with the place and the way out."""
    interrupted(place)
    for chunk in place.files("chunks"):
        chunk.unlink()
    with pytest.raises(Refusal, match=r"none of the 3 checkpoints in file://.* can be read: mend the store"):
        place.train((2, 7))


def test_a_checkpoint_of_another_model_is_refused_and_not_passed_over(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Older ones will not fit either: the line says what the model has and what was saved."""
    interrupted(place)
    monkeypatch.setattr(Counting, "restore", lambda _, saved: saved.check("weights", (7,), "float32"))
    with pytest.raises(Refusal, match=r"the model has \[7\] float32, .* has \[5\] float32"):
        place.train((2, 7))
