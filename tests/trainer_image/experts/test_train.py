"""The experts trainer: it learns, goes on bit for bit, contains what is broken, and its memory does not grow with its experts."""

from pathlib import Path

import pytest
import torch
from tandem_trainer.experts.learning.rules import RULES
from tandem_trainer.experts.moving.slots import HostRows
from tandem_trainer.experts.sizes import Room
from tandem_trainer.experts.train import ExpertsTrainer
from tandem_trainer.rank.world import World
from tandem_trainer.refusal import Refusal

from tests.trainer_image.deepspeed.saved import save, saved
from tests.trainer_image.experts.plain import layer, windows
from tests.trainer_image.experts.runs import begun, run, shards, steps

__all__ = ["shards"]


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


def test_an_expert_whose_weights_are_no_numbers_is_silent(shards: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its answers count for nothing, the log names it once, no token goes to it any more, and the loss stays a number."""
    told = run()
    trainer = begun(told, shards)
    assert isinstance(trainer._rows, HostRows)
    trainer._rows.rows_ER[5].fill_(float("nan"))
    losses = [report.loss for report in steps(trainer, told, 0, 4)]
    assert all(torch.tensor(losses).isfinite())
    assert capsys.readouterr().out.count("step 1: 1 experts answered no numbers and are asked no more: 5\n") == 1
    assert trainer.mixture.handicap_E[5] == torch.inf
    rows = next(iter(trainer.slices()))
    finite = torch.frombuffer(rows.data, dtype=torch.float32).view(rows.shape).isfinite().all(1)
    assert finite.tolist() == [expert != 5 for expert in range(8)]


def test_ten_thousand_tiny_experts_train(shards: Path) -> None:
    """Routed by product keys, 64 in a slot: the loss falls, and the device holds no more than it does for 1,100 of them, but keys."""
    held = []
    for count in (1_100, 10_000):
        told = run(count=count, innerWidth=4, memory={"expertsPerSlot": 64})
        trainer = begun(told, shards)
        reports = steps(trainer, told, 0, 12)
        assert reports[-1].loss < reports[0].loss - 0.3
        router = sum(keys.numel() for keys in trainer.mixture.shared.router.parameters())
        held.append((reports[0].device_memory_bytes or 0) - 4 * 4 * router - 4 * count)
    assert held[0] == held[1]


def test_a_host_that_is_too_small_is_refused_with_both_numbers(shards: Path) -> None:
    """Before anything is made: what is needed, checkpoints under way included, and what was declared, or is there."""
    needed = 3 * 8 * 2 * 32 * 32 * 4
    begun(run(memory={"host": needed}), shards)
    of_count = r"^trainer\.experts\.mixture\.count: "
    with pytest.raises(Refusal, match=rf"{of_count}8 experts need {needed:,} bytes .*memory\.host says {needed - 1:,}: take fewer"):
        begun(run(memory={"host": needed - 1}), shards)
    with pytest.raises(Refusal, match=rf"{of_count}1,000,000 experts need .* and (this machine has|its control group .* allows) "):
        begun(run(count=1_000_000, innerWidth=1_000_000), shards)
    with pytest.raises(Refusal, match="2 ranks cannot share one set of experts"):
        ExpertsTrainer(run(), World(size=2), [shards])


def test_experts_of_odd_widths_share_a_slot(shards: Path) -> None:
    """Losses to the last bit those of experts that are alone in their slots."""
    alone, together = run(innerWidth=31), run(innerWidth=31, memory={"expertsPerSlot": 4})
    losses = [[report.loss for report in steps(begun(told, shards), told, 0, 4)] for told in (alone, together)]
    assert losses[0] == losses[1]


def test_memory_for_experts_stays_the_same_over_a_thousand_steps() -> None:
    """Slots and rows are where they were at the start, after 1,000 windows; every one of them moved what the formula says."""
    scheduled, rows = layer("responsibility", Room(group=6), clip=1.0)
    slots, moved = scheduled.mover.slots, scheduled.mover.counted

    def places() -> list[int]:
        return [rows.rows_ER.data_ptr(), slots.gradient.rows_GR.data_ptr(), *(slots[number].rows_GR.data_ptr() for number in range(3))]

    before, window = places(), windows(scheduled.sizes, tokens=40)(0)
    for _ in range(1000):
        x_ND, chosen_NK, error_NKD = window
        scheduled.answer(x_ND, chosen_NK)
        scheduled.teach(error_NKD, rate=1e-3)
    assert places() == before
    assert (moved.bytes_in, moved.bytes_out) == (1000 * 6 * scheduled.sizes.row_bytes, 999 * 6 * scheduled.sizes.row_bytes)
