"""Resuming: bit for bit on the same ranks, and on any other number of ranks or ZeRO stage as well."""

from pathlib import Path

import numpy as np
import pytest

from tests.trainer_image.deepspeed.conftest import Launch, run
from tests.trainer_image.deepspeed.saved import load

pytestmark = pytest.mark.slow
STAGES = (1, 2, 3)


@pytest.mark.parametrize("precision", ["bf16", "fp32"])
def test_a_resumed_run_repeats_the_uninterrupted_one_bit_for_bit(launch: Launch, tmp_path: Path, precision: str) -> None:
    """Two ranks, ZeRO 1, 2 and 3: losses and gradient norms after step 3 are equal to the last bit."""
    specs = {tmp_path / f"zero-{stage}": run(stage=stage, precision=precision) for stage in STAGES}
    whole = launch(2, *({"run": spec, "last": 7, "save_at": 3, "save": str(at)} for at, spec in specs.items()))
    rest = launch(2, *({"run": spec, "first": 3, "last": 7, "restore": str(at)} for at, spec in specs.items()))
    for uninterrupted, resumed in zip(whole, rest, strict=True):
        assert resumed["losses"] == uninterrupted["losses"][3:]
        assert resumed["norms"] == uninterrupted["norms"][3:]
        assert uninterrupted["losses"][6] < uninterrupted["losses"][0] - 0.3


def test_any_number_of_ranks_and_any_stage_goes_on_where_another_stopped(launch: Launch, tmp_path: Path) -> None:
    """2 ranks of ZeRO-2, then 1 of ZeRO-3, 4 of ZeRO-1 and 2 of ZeRO-2 again: as if nothing had changed, to a thousandth."""
    a, b, c = (str(tmp_path / name) for name in "abc")
    two, one, four = run(stage=2), run(stage=3), run(stage=1)
    (whole,) = launch(2, {"run": two, "last": 24, "save_at": 4, "save": a})
    (alone,) = launch(1, {"run": one, "first": 4, "last": 9, "restore": a, "save_at": 9, "save": b})
    (many,) = launch(4, {"run": four, "first": 9, "last": 14, "restore": b, "save_at": 14, "save": c})
    (again,) = launch(2, {"run": two, "first": 14, "last": 24, "restore": c})
    assert alone["losses"][0] == pytest.approx(whole["losses"][4], rel=1e-5)
    changed = np.array(alone["losses"] + many["losses"] + again["losses"])
    assert np.abs(changed / whole["losses"][4:] - 1).max() < 1e-3


def test_a_checkpoint_holds_every_number_once_and_the_same_at_every_stage(launch: Launch, tmp_path: Path) -> None:
    """Names and shapes do not tell the stage or the ranks; masters before the first step are the same numbers everywhere."""
    places = [(ranks, stage, tmp_path / f"{ranks}-{stage}") for ranks in (2, 3) for stage in STAGES]
    phase = {"name": "one", "steps": 1, "batchSize": 12}
    for ranks in (2, 3):
        specs = [(run(stage=stage, phases=[phase]), at) for wanted, stage, at in places if wanted == ranks]
        launch(ranks, *({"run": spec, "last": 0, "save_at": 0, "save": str(at)} for spec, at in specs))
    first, *others = [_bytes(at) for _, _, at in places]
    assert [name for name in sorted(first) if "embedding" in name or "head.weight" in name] == [
        "embedding.weight/exp_avg",
        "embedding.weight/exp_avg_sq",
        "embedding.weight/master",
    ]
    assert all(other == first for other in others)


def test_a_step_that_is_given_up_leaves_the_state_of_the_last_whole_one(launch: Launch, tmp_path: Path) -> None:
    """Asked to stop between micro-batches of step 2: what is saved equals what was saved before that step."""
    runs = []
    for stage in STAGES:
        before, after = str(tmp_path / f"before-{stage}"), str(tmp_path / f"after-{stage}")
        runs += [
            {"run": run(stage=stage), "last": 3, "save_at": 2, "save": before},
            {"run": run(stage=stage), "last": 3, "stop_at": 2, "save": after},
        ]
    reports = launch(2, *runs)
    assert [len(report["losses"]) for report in reports] == [3, 2] * 3
    for asked, stopped in zip(runs[::2], runs[1::2], strict=True):
        assert _bytes(Path(stopped["save"])) == _bytes(Path(asked["save"]))


def _bytes(folder: Path) -> dict[str, bytes]:
    return {name: numbers.tobytes() for name, numbers in load(folder).items()}
