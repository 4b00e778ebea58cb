"""What happens around a step: when state is kept, where an attempt goes on, and when it stops."""

import os
import signal
import socket
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from tandem_objects import Store, open_store
from tandem_trainer import link as links
from tandem_trainer import run as loop
from tandem_trainer.checkpoint.commit import commit
from tandem_trainer.checkpoint.reader import Reader, candidates, load_manifest
from tandem_trainer.checkpoint.slices import Slice, Want
from tandem_trainer.checkpoint.staging import mapped
from tandem_trainer.job import Job, Phase
from tandem_trainer.rank.session import Session
from tandem_trainer.rank.world import World
from tandem_trainer.refusal import Refusal
from tandem_trainer.tensors import bytes_of
from tandem_trainer.trainer import Position, StepReport

from tests.trainer_image.rank.kept import Moment, keep_part

NAN = float("nan")
MICRO_BATCHES = 3


class Agent:
    """The other end of the link: it keeps every snapshot for good, and says when its memory is free again."""

    def __init__(self, link: links.Link, store: Store) -> None:
        self._link, self._store = link, store
        self._held: list[links.Released] = []
        self.holding = False
        self.heard: list[links.Message] = []

    def listen(self) -> None:
        """Take in what there is to hear."""
        while (received := self._link.receive(0)) is not None:
            message, descriptor = received
            self.heard.append(message)
            if isinstance(message, links.Snapshot):
                assert descriptor is not None
                self._keep(message, descriptor)
                self._held.append(links.Released(generation=message.generation))
        if not self.holding:
            self.release()

    def release(self, *, for_good: bool = False) -> None:
        """Say that all memory is free; from now on at once, if it is for good."""
        self.holding = self.holding and not for_good
        for released in self._held:
            self._link.send(released)
        self._held.clear()

    def _keep(self, told: links.Snapshot, descriptor: int) -> None:
        moment = Moment(claim=told.claim, step=told.step, tokens=told.tokens, extra=told.extra)
        commit(self._store, keep_part(self._store, moment, told.layout, mapped(descriptor, told.bytes)), timeout_s=0)
        os.close(descriptor)

    def kept(self) -> list[int]:
        """The steps whose state was handed over."""
        self.listen()
        return [each.step for each in self.heard if isinstance(each, links.Snapshot)]


class Counting:
    """A trainer whose weights count the steps they have seen. `losses` and `deeds` go by the step's number."""

    def __init__(self, agent: Agent, losses: Callable[[int], float], deeds: dict[tuple[int, int], Callable[[], None]]) -> None:
        self._agent, self._losses, self._deeds = agent, losses, deeds
        self.weights = torch.zeros(5)
        self.begun: list[int] = []
        self.given_up: list[int] = []

    def begin(self, phase_index: int, phase: Phase) -> None:
        del phase
        self.begun.append(phase_index)

    def step(self, at: Position, stop: Callable[[], bool]) -> StepReport | None:
        self._agent.listen()
        for micro_batch in range(MICRO_BATCHES):
            self._deeds.get((at.step, micro_batch), lambda: None)()
            if micro_batch + 1 < MICRO_BATCHES and stop():
                self.given_up.append(at.step)
                return None
        self.weights += 1
        return StepReport(loss=self._losses(at.step), tokens=10)

    def slices(self) -> Iterable[Slice]:
        yield Slice(tensor="weights", shape=(5,), dtype="float32", start=0, count=5, data=bytes_of(self.weights))

    def restore(self, saved: Reader) -> None:
        saved.check("weights", (5,), "float32")
        saved.fill([Want(tensor="weights", start=0, out=bytes_of(self.weights))])


class Place:
    """Attempts of one run, one behind the other, in one store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = open_store((folder / "kept").as_uri(), {})
        self.attempts = 0
        self.losses: Callable[[int], float] = lambda _: 1.0
        self.deeds: dict[tuple[int, int], Callable[[], None]] = {}
        self.agent: Agent
        self.trainer: Counting
        self.code = -1

    def train(self, phases: tuple[int, ...] = (6,), *, every: int = 100, **spec: Any) -> None:
        """Make one attempt at phases of so many steps."""
        self.attempts += 1
        ours, theirs = links.pair()
        link = links.Link(socket.socket(fileno=theirs))
        self.agent = Agent(ours, self.store)
        self.trainer = Counting(self.agent, self.losses, self.deeds)
        try:
            self.code = loop.train(self.trainer, Session(self._job(phases, every, spec), World(), link))
        finally:
            self.agent.listen()  # it outlives the rank

    def hold(self, step: int) -> None:
        """The agent says nothing of free memory from that step on."""
        self.deeds[step, 0] = lambda: setattr(self.agent, "holding", True)

    def files(self, kind: str) -> list[Path]:
        return sorted(each for each in (self.folder / "kept" / kind).rglob("*") if each.is_file())

    def _job(self, phases: tuple[int, ...], every: int, spec: dict[str, Any]) -> Job:
        run = {
            "name": "test",
            "uid": "u",
            "trainer": {"kind": "script"},
            "phases": [{"name": f"phase-{index}", "steps": steps} for index, steps in enumerate(phases)],
            "checkpoint": {"uri": self.store.uri, "everySteps": every},
            **spec,
        }
        place = {"workers": 1, "ranks_per_worker": 1, "worker_rank": 0, "rendezvous": "127.0.0.1:1"}
        return Job.model_validate({"run": run, "attempt": self.attempts, **place, "scratch": self.folder, "cache": self.folder})


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A place for a run; what SIGTERM meant before, it means again afterwards."""
    before = signal.getsignal(signal.SIGTERM)
    yield Place(tmp_path)
    signal.signal(signal.SIGTERM, before)


def sigterm() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


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


def test_every_step_is_told_with_its_phase_and_its_tokens(place: Place) -> None:
    """The agent hears of each step once, in order, after hearing where the attempt goes on."""
    place.train((2, 1))
    place.agent.listen()
    stepped = [each for each in place.agent.heard if isinstance(each, links.Stepped)]
    assert place.agent.heard[0] == links.Resumed(step=0)
    assert [(each.step, each.phase, each.tokens) for each in stepped] == [(1, "phase-0", 10), (2, "phase-0", 20), (3, "phase-1", 30)]


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
