"""A rank at work: phases, refusals, and how little it loads and says."""

from pathlib import Path

import pytest
from tandem_trainer.data import prepare
from tandem_trainer.job import Data

from tests.trainer_image.deepspeed.conftest import Launch, run

pytestmark = pytest.mark.slow
PHASE = {"contextLength": 24, "batchSize": 8, "learningRate": 1e-2, "schedule": "constant", "steps": 3}


def test_a_phase_changes_context_and_batch_size_of_the_same_engine(launch: Launch) -> None:
    """Three phases of other lengths and batch sizes learn on; each takes its step only when its whole batch was seen."""
    phases = [
        {**PHASE, "name": "short"},
        {**PHASE, "name": "long", "contextLength": 40, "batchSize": 4},
        {**PHASE, "name": "wide", "batchSize": 16},
    ]
    still = [{**phase, "learningRate": 1e-12} for phase in phases]
    runs = [{"run": run(stage=stage, phases=chosen), "last": 9} for chosen in (phases, still) for stage in (1, 2, 3)]
    reports = launch(2, *runs)
    for learning in reports[:3]:
        assert len(learning["losses"]) == 9
        assert learning["losses"][-1] < learning["losses"][0] - 0.3
    for standing in reports[3:]:  # a mean over the batch is as large whatever its size
        assert max(standing["norms"]) < 1.6 * min(standing["norms"])


def test_the_loss_is_the_same_for_any_number_of_ranks_and_micro_batches(launch: Launch) -> None:
    """fp32: a step of 8 sequences is the same step whether taken as 8 x 1, 2 x 2 x 2 or with recomputation."""
    plain, split = run(stage=2, precision="fp32", microBatchSize=8), run(stage=2, precision="fp32", activationCheckpointing=True)
    (alone,), (shared,) = launch(1, {"run": plain, "last": 4}), launch(2, {"run": split, "last": 4})
    assert shared["losses"] == pytest.approx(alone["losses"], rel=1e-5)
    assert shared["norms"] == pytest.approx(alone["norms"], rel=1e-4)


def test_no_compiler_is_loaded_and_nothing_is_said(launch_anew: Launch) -> None:
    """Starting and stepping loads neither dynamo nor inductor; `launch_anew` asserts that nothing was printed."""
    for report in launch_anew(1, *({"run": run(stage=stage), "last": 2} for stage in (1, 2, 3))):
        assert report["compilers"] == []


def test_what_does_not_fit_together_is_refused_in_one_line(launch: Launch, shards: Path, tmp_path: Path) -> None:
    """Too long a context, a batch that two ranks cannot share, different data on different machines."""
    other_folder = tmp_path / "other"
    other_folder.mkdir()
    (other_folder / "one.py").write_text("print('quite another program')\n" * 50)
    other = prepare.ensure(Data(source=str(other_folder)), tmp_path / "cache")
    reports = launch(
        2,
        {"run": run(stage=2, phases=[{**PHASE, "name": "one", "contextLength": 10**9}]), "last": 1},
        {"run": run(stage=2, phases=[{**PHASE, "name": "one", "batchSize": 6}]), "last": 1},
        {"run": run(stage=2), "last": 1, "shards_of_ranks": [[str(shards)], [str(other)]]},
        {"run": run(stage=2, model={"huggingFace": "no/such-model"}), "last": 1},
    )
    starts = (
        "phases.0.contextLength: 1000000000 is more than the ",
        "phases.0.batchSize: 6 is not a multiple of the 4 sequences that 2 ranks take at once",
        "phases.0.data.source: python-stdlib holds different files on different machines",
        "trainer.model.huggingFace: no/such-model ",
    )
    for report, start in zip(reports, starts, strict=True):
        assert report["refused"].startswith(start)
        assert "\n" not in report["refused"]
