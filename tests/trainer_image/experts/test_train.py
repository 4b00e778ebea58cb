"""The experts trainer: it learns, goes on bit for bit, contains what is broken, and its memory does not grow with its experts."""

from pathlib import Path

import pytest
import torch
from tandem_trainer import host_memory
from tandem_trainer.experts.learning.rules import RULES
from tandem_trainer.experts.moving.slots import HostRows
from tandem_trainer.experts.proof.meter import TensorMeter
from tandem_trainer.experts.sizes import Room
from tandem_trainer.experts.train import ExpertsTrainer
from tandem_trainer.host_memory import Limit
from tandem_trainer.rank.world import World
from tandem_trainer.refusal import Refusal

from tests.trainer_image.deepspeed.saved import save, saved
from tests.trainer_image.experts.plain import layer, windows
from tests.trainer_image.experts.runs import begun, run, shards, steps

__all__ = ["shards"]
on_a_processor = pytest.mark.skipif(torch.cuda.is_available(), reason="here a card holds what is counted")


@pytest.mark.parametrize("rule", sorted(RULES))
def test_a_resumed_run_repeats_the_uninterrupted_one_bit_for_bit(rule: str, shards: Path, tmp_path: Path) -> None:
    """Every rule: the loss falls, and losses after a resume, with other slots, are those of a run that never saved, to the last bit."""
    told = run(learningRule=rule)
    whole = [report.loss for report in steps(begun(told, shards), told, 0, 24)]
    first = begun(told, shards)
    steps(first, told, 0, 9)
    save(first.slices(), tmp_path, World())
    again = run(learningRule=rule, memory={"streamingSlots": 4, "hotSlots": 1, "expertsPerSlot": 2, "keepActivations": True})
    second = begun(again, shards)
    second.restore(saved(tmp_path))
    assert [report.loss for report in steps(second, again, 9, 24)] == whole[9:]
    assert sum(whole[-3:]) / 3 < whole[0] - 0.5


@pytest.mark.parametrize("rule", sorted(RULES))
def test_an_expert_whose_weights_are_no_numbers_is_silent(rule: str, shards: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its answers count for nothing, the log names it once, each step counts it; no token goes to it, and what all share learns on."""
    told = run(learningRule=rule)
    trainer = begun(told, shards)
    assert isinstance(trainer._rows, HostRows)
    trainer._rows.rows_ER[5].fill_(float("nan"))
    reports = steps(trainer, told, 0, 4)
    assert all(torch.tensor([(report.loss, report.gradient_norm) for report in reports]).isfinite().all(1))
    assert [report.broken_experts for report in reports] == [1] * 4
    assert capsys.readouterr().out.count("step 1: 1 experts answered no numbers and are asked no more: 5\n") == 1
    assert trainer.mixture.handicap_E[5] == torch.inf
    rows = next(iter(trainer.slices()))
    finite = torch.frombuffer(rows.data, dtype=torch.float32).view(rows.shape).isfinite().all(1)
    assert finite.tolist() == [expert != 5 for expert in range(8)]


def test_where_fewer_are_sound_than_a_token_is_sent_to_the_run_ends(shards: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Seven of eight are broken: a sentence says what is left and what to do. Nothing of theirs reaches what all share until then."""
    told = run(learningRule="end_to_end")
    trainer = begun(told, shards)
    assert isinstance(trainer._rows, HostRows)
    trainer._rows.rows_ER[1:].fill_(float("nan"))
    with pytest.raises(Refusal, match=r"mixture: of 8 experts 1 still answer numbers, and a token goes to 2: lower .*mixture\.rate"):
        steps(trainer, told, 0, 8)
    assert "are asked no more" in capsys.readouterr().out
    assert all(weight.isfinite().all() for weight in trainer.mixture.shared.parameters())


def test_who_is_sound_is_counted_where_that_can_have_changed(shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When state is taken back and in the step in which one broke, and in no other."""
    counted, insist = list[str](), ExpertsTrainer._insist_on_sound
    monkeypatch.setattr(ExpertsTrainer, "_insist_on_sound", lambda trainer: (counted.append("once"), insist(trainer)))
    trainer = begun(told := run(), shards)
    steps(trainer, told, 0, 3)
    save(trainer.slices(), tmp_path, World())
    assert not counted
    trainer.restore(saved(tmp_path))
    assert counted == ["once"]
    assert isinstance(trainer._rows, HostRows)
    trainer._rows.rows_ER[5].fill_(float("nan"))
    steps(trainer, told, 3, 6)
    assert counted == ["once"] * 2


def test_a_state_with_too_few_sound_experts_is_not_gone_on_with(shards: Path, tmp_path: Path) -> None:
    """One was enough as long as others were made anew from it; a run that is told not to any more ends before its first step."""
    trainer = begun(run(renewEvery=100), shards)
    trainer.mixture.handicap_E[1:] = torch.inf
    save(trainer.slices(), tmp_path, World())
    resumed = ExpertsTrainer(run(), World(), [shards])
    with pytest.raises(Refusal, match="of 8 experts 1 still answer numbers"):
        resumed.restore(saved(tmp_path))


def test_ten_thousand_tiny_experts_train(shards: Path) -> None:
    """Routed by product keys, 64 in a slot: the loss falls, and the device holds no more than it does for 1,100 of them, but keys.

    Every tensor that holds memory is counted, and to the byte it is what each step reports.
    """
    held = []
    for count in (1_100, 10_000):
        told = run(count=count, innerWidth=4, memory={"expertsPerSlot": 64})
        with (meter := TensorMeter()).watching():
            trainer = begun(told, shards)
            assert isinstance(trainer._rows, HostRows)
            for on_host in (trainer._rows.rows_ER, trainer._state._steps):
                meter.leave_out(on_host)
            reports = steps(trainer, told, 0, 12)
            counted = meter.sample().held_bytes
        assert reports[-1].loss < reports[0].loss - 0.3
        assert {report.device_memory_bytes for report in reports} == {counted}
        router = list(trainer.mixture.shared.router.parameters())
        held.append(counted - sum(12 * keys.numel() + 4 for keys in router) - 5 * count)
    assert held[0] == held[1]


@on_a_processor
@pytest.mark.parametrize("rule", sorted(RULES))
def test_what_a_step_reports_is_held_to_the_byte(rule: str, shards: Path) -> None:
    """Whether a window waits to be learned from, and whatever moments there are."""
    with (meter := TensorMeter()).watching():
        told = run(learningRule=rule)
        trainer = begun(told, shards)
        assert isinstance(trainer._rows, HostRows)
        for on_host in (trainer._rows.rows_ER, trainer._state._steps):
            meter.leave_out(on_host)
        (*_, last) = steps(trainer, told, 0, 3)
        assert last.device_memory_bytes == meter.sample().held_bytes


def test_slots_that_the_device_cannot_hold_are_refused(shards: Path) -> None:
    """Before anything is made: what they need, and what there is."""
    with pytest.raises(
        Refusal, match=r"^trainer\.experts\.memory: slots for 3,298,534,883,328 experts, .* need [\d,]+ bytes, and .* [\d,]+: take fewer"
    ):
        begun(run(memory={"expertsPerSlot": 1 << 40}), shards)


def test_a_host_that_is_too_small_is_refused_with_both_numbers(shards: Path) -> None:
    """Before anything is made: what is needed, checkpoints under way included, and what was declared, or is there."""
    needed = 3 * 8 * 2 * 32 * 32 * 4
    begun(run(memory={"host": needed}), shards)
    of_count = r"^trainer\.experts\.mixture\.count: "
    with pytest.raises(Refusal, match=rf"{of_count}8 experts need {needed:,} bytes .*memory\.host says {needed - 1:,}: take fewer"):
        begun(run(memory={"host": needed - 1}), shards)
    with pytest.raises(Refusal, match=rf"{of_count}1,000,000 experts need .* and .*(this machine has|its control group .* allows) "):
        begun(run(count=1_000_000, innerWidth=1_000_000), shards)
    with pytest.raises(Refusal, match="2 ranks cannot share one set of experts"):
        ExpertsTrainer(run(), World(size=2), [shards])


@on_a_processor
def test_what_all_share_and_what_lies_where_a_card_would_hold_it_counts_too(shards: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Experts that fit, and nothing beside them, would be killed by the kernel at the first checkpoint."""
    experts = 3 * 8 * 2 * 32 * 32 * 4
    trainer = begun(run(), shards)
    whole = experts + 3 * trainer._state.shared_bytes + trainer._room.bytes(trainer.sizes)
    there = [whole]
    monkeypatch.setattr(host_memory, "limit", lambda _: Limit(bytes=there[0], said_by="its control group allows"))
    begun(run(), shards)
    there[0] = whole - 1
    with pytest.raises(Refusal, match=rf"8 experts need {whole:,} bytes of host memory, with what all .* allows {whole - 1:,}: take fewer"):
        begun(run(), shards)


def test_experts_of_odd_widths_share_a_slot(shards: Path) -> None:
    """Losses to the last bit those of experts that are alone in their slots."""
    alone, together = run(innerWidth=31), run(innerWidth=31, memory={"expertsPerSlot": 4})
    losses = [[report.loss for report in steps(begun(told, shards), told, 0, 4)] for told in (alone, together)]
    assert losses[0] == losses[1]


@pytest.mark.parametrize("rule", ["responsibility", "local_adam"])
def test_nothing_is_allocated_after_warm_up_over_a_thousand_steps(rule: str) -> None:
    """Windows of their own, of which each moved what the formula says; after the first hundred no more was ever held than before."""
    with (meter := TensorMeter()).watching():
        scheduled, _ = layer(rule, Room(group=6), clip=1.0)
        window, asked = windows(scheduled.sizes, tokens=40), list[int]()
        for number in range(1000):
            x_ND, chosen_NK, error_NKD = window(2 * number)
            scheduled.answer(x_ND, chosen_NK)
            scheduled.teach(error_NKD, rate=1e-3)
            asked.append(meter.sample().allocations)
    assert 0 < asked[99] == asked[-1]
    moved, touched = scheduled.mover.traffic, 6 * scheduled.sizes.row_bytes
    assert (moved.bytes_in, moved.bytes_out) == (1000 * touched, 999 * touched)
