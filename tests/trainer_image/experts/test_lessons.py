"""Updates that are no numbers are left out, and counted where a run is looked at; a run in which nobody learns ends in a sentence."""

from pathlib import Path

import pytest
import torch
from tandem_trainer.experts.layer import Layer
from tandem_trainer.experts.train import ExpertsTrainer
from tandem_trainer.job import Run
from tandem_trainer.refusal import Refusal
from tandem_trainer.trainer import StepReport

from tests.trainer_image.experts.runs import begun, run, shards, steps

__all__ = ["shards"]


def _fast(rate: float, total: int = 2000, rule: str = "responsibility") -> Run:
    told = run(learningRule=rule)
    return told.model_copy(update={"phases": (told.phases[0].model_copy(update={"learning_rate": rate, "steps": total}),)})


def _spoilt(trainer: ExpertsTrainer, told: Run, monkeypatch: pytest.MonkeyPatch, spoilt: range) -> list[StepReport]:
    """Make thirteen steps, or as many as there are; the errors of all experts in those of `spoilt` are no numbers."""
    teach, made = Layer.teach, list[StepReport]()

    def taught(layer: Layer, error_NKD: torch.Tensor, *, rate: float) -> None:
        teach(layer, error_NKD * float("nan") if len(made) in spoilt else error_NKD, rate=rate)

    monkeypatch.setattr(Layer, "teach", taught)
    for step in range(min(13, told.total_steps)):
        made += steps(trainer, told, step, step + 1)
    return made


@pytest.mark.parametrize(("rule", "rate"), [("responsibility", 1000.0), ("hebbian", 100.0), ("end_to_end", 1000.0)])
def test_a_run_in_which_nobody_learns_any_more_ends(rule: str, rate: float, shards: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its loss is a number all the while. Ten lessons in vain are enough, and a sentence names field, value and fix."""
    trainer = begun(told := _fast(rate, rule=rule), shards)
    sentence = rf"^phases\[0\]\.learningRate: {rate:g} is too much: since step (\d+) no expert .*: lower it or trainer\.experts\."
    with pytest.raises(Refusal, match=sentence) as refused:
        steps(trainer, told, 0, 40)
    since = int(str(refused.value).split("since step ")[1].split()[0])
    lines = [line for line in capsys.readouterr().out.splitlines() if "experts were not changed" in line]
    assert lines[-10].startswith(f"step {since}: ")
    assert lines[-1].startswith(f"step {since + 9}: ")


def test_updates_that_are_left_out_are_counted(shards: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Nine lessons in vain do not end a run that learns again; each step counts those of the lesson before, as the log names them."""
    told = run()
    reports = _spoilt(begun(told, shards), told, monkeypatch, range(2, 11))
    lines = [line for line in capsys.readouterr().out.splitlines() if "were not changed" in line]
    named = {int(line.split(":")[0].removeprefix("step ")): int(line.split()[2]) for line in lines}
    assert sorted(named) == list(range(3, 12))
    assert [report.refused_updates for report in reports] == [0, 0, 0, *named.values(), 0]
    assert min(named.values()) >= told.trainer.mixture.active


def test_a_run_that_ends_before_anybody_has_learned_has_failed(shards: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However few its steps; one that learned once is done."""
    told = _fast(5e-3, total=1)
    with pytest.raises(Refusal, match="since step 1 no expert"):
        _spoilt(begun(told, shards), told, monkeypatch, range(1))
    monkeypatch.undo()
    told = _fast(5e-3, total=13)
    with pytest.raises(Refusal, match="since step 1 no expert"):
        _spoilt(begun(told, shards), told, monkeypatch, range(13))
    monkeypatch.undo()
    assert len(reports := _spoilt(begun(told, shards), told, monkeypatch, range(4, 13))) == 13
    assert reports[-1].refused_updates > reports[-2].refused_updates, "the last step tells of the lesson before and of its own"


def test_what_all_share_is_left_out_in_words(shards: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A gradient that is no number changes nothing of it, and is counted and named like that of an expert."""
    told = run()
    trainer = begun(told, shards)
    weight = next(trainer.mixture.shared.parameters())
    weight.register_hook(lambda gradient: gradient * float("nan"))
    before = weight.detach().clone()
    (report,) = steps(trainer, told, 0, 1)
    assert report.refused_updates == 1
    assert torch.equal(weight.detach(), before)
    assert "step 1: what all share was not changed by errors that are no numbers\n" in capsys.readouterr().out
