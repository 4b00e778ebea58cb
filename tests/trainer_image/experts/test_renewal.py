"""Growth: broken experts are made anew from busy ones, and the router begins where tokens are."""

from math import inf
from pathlib import Path

import pytest
import torch
from tandem_trainer.experts.learning.first_keys import far_apart
from tandem_trainer.experts.learning.router import Router
from tandem_trainer.experts.learning.rules import RULES
from tandem_trainer.experts.moving.slots import HostRows
from tandem_trainer.experts.renewal import Heir, heirs
from tandem_trainer.experts.sizes import Room, link_bytes
from tandem_trainer.experts.state import ROWS
from tandem_trainer.experts.train import ExpertsTrainer
from tandem_trainer.rank.world import World

from tests.trainer_image.deepspeed.saved import save, saved
from tests.trainer_image.experts.kinds import Lesson
from tests.trainer_image.experts.largest import Largest
from tests.trainer_image.experts.plain import Plain, layer, matrices, windows
from tests.trainer_image.experts.runs import begun, disk, run, shards, steps

__all__ = ["shards"]
ROOMS = (Room(), Room(hot=2), Room(group=4), Room(hot=1, group=2, kept=25))


def test_the_broken_are_made_anew_from_the_busiest() -> None:
    """By handicap, then by tokens, then by number; each parent once; nobody where nobody broke, or all did."""
    assert heirs((0.1, inf, 0.3, 0.3, inf), (9, 0, 4, 5, 0)) == (Heir(child=1, parent=3), Heir(child=4, parent=2))
    assert heirs((0.0, inf, 0.0), (5, 0, 5)) == (Heir(child=1, parent=0),)
    assert heirs((inf, 1.0, inf), (0, 1, 0)) == (Heir(child=0, parent=1),)
    assert heirs((0.0, 1.0), (1, 1)) == heirs((inf, inf), (0, 0)) == ()


@pytest.mark.parametrize("room", ROOMS, ids=str)
@pytest.mark.parametrize("rule", sorted(RULES))
def test_every_rule_goes_on_as_a_plain_layer_whose_weights_were_copied(rule: str, room: Room) -> None:
    """After three windows expert 1 becomes 4, and 5 becomes 2, with moments that begin anew: weights agree to 1e-5 after three more."""
    scheduled, rows = layer(rule, room, clip=3.0)
    plain = Plain(RULES[rule].change, matrices(rows, scheduled.sizes), 3.0)
    for number in range(6):
        if number == 3:
            scheduled.renew([Heir(child=1, parent=4), Heir(child=5, parent=2)])
            for child, parent in ((1, 4), (5, 2)):
                plain.matrices[child] = plain.matrices[parent]
                plain.moments.pop(child, None)
        x_ND, chosen_NK, error_NKD = windows(scheduled.sizes)(number)
        scheduled.answer(x_ND, chosen_NK)
        scheduled.teach(error_NKD, rate=0.05)
        plain.teach(x_ND, chosen_NK, error_NKD, 0.05)
    scheduled.settle()
    for mine, others in zip(matrices(rows, scheduled.sizes), plain.matrices, strict=True):
        assert max(((one - other).abs().max() / other.abs().max()).item() for one, other in zip(mine, others, strict=True)) < 1e-5


def test_making_anew_needs_no_memory_and_three_copies() -> None:
    """Nothing as large as an expert is made; the parent comes, the child comes and goes; nobody else's row changes."""
    scheduled, rows = layer("local_adam", Room(), clip=1.0, count=12, width=48, inner=64)
    before, moved = rows.rows_ER.clone(), scheduled.mover.traffic
    with Largest() as made:
        scheduled.renew([Heir(child=7, parent=3)])
    assert made.numbers < scheduled.sizes.weights
    assert (moved.bytes_in, moved.bytes_out) == link_bytes(scheduled.sizes, learned=1, touched=2)
    others = [expert for expert in range(12) if expert != 7]
    assert torch.equal(rows.rows_ER[others], before[others])
    weights = scheduled.sizes.weights
    assert torch.equal(rows.rows_ER[7][:weights], before[3, :weights])
    assert not rows.rows_ER[7][weights:].any()


def test_a_broken_expert_is_asked_again_and_a_resumed_run_repeats_it(
    shards: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Expert 5 breaks in the first step and is made anew in the twelfth; one resumed at the ninth, on a disk, does so to the last bit.

    Each step counts it until then.
    """
    told = run(renewEvery=12, learningRule="local_adam")
    whole = _broken(begun(told, shards))
    reports = steps(whole, told, 0, 24)
    losses = [report.loss for report in reports]
    first = _broken(begun(told, shards))
    steps(first, told, 0, 9)
    save(first.slices(), tmp_path, World())
    lying = run(renewEvery=12, learningRule="local_adam", memory={"disk": 1 << 40, "folder": str(disk(tmp_path))})
    second = begun(lying, shards)
    second.restore(saved(tmp_path))
    assert second.mixture.handicap_E[5] == inf
    resumed = steps(second, lying, 9, 24)
    assert [report.loss for report in resumed] == losses[9:]
    assert [report.broken_experts for report in reports] == [1] * 11 + [0] * 13
    assert [report.broken_experts for report in resumed] == [1] * 2 + [0] * 13
    lines = [line for line in capsys.readouterr().out.splitlines() if "was made anew from" in line]
    assert len(lines) == 2
    assert lines[0] == lines[1]
    assert lines[0].startswith("step 12: expert 5 was made anew from expert ")
    assert whole.mixture.handicap_E.isfinite().all()
    kept = {piece.tensor: bytes(piece.data) for piece in whole.slices()}
    assert kept == {piece.tensor: bytes(piece.data) for piece in second.slices()}
    assert torch.frombuffer(bytearray(kept[ROWS]), dtype=torch.float32).isfinite().all()


def _broken(trainer: ExpertsTrainer) -> ExpertsTrainer:
    assert isinstance(trainer._rows, HostRows)
    trainer._rows.rows_ER[5].fill_(float("nan"))
    return trainer


def test_one_that_is_made_anew_is_asked_like_its_parent() -> None:
    """It has its parent's handicap, and tokens come to it; where nobody broke, nothing changes, and nothing is moved."""
    lesson = Lesson("responsibility").teach(3)
    mixture = lesson.mixture
    passes = mixture.layer.mover.passes
    assert mixture.renew(lesson.taught.chosen_NK) == ()
    assert mixture.layer.mover.passes == passes
    mixture.handicap_E[2] = inf
    (heir,) = mixture.renew(lesson.taught.chosen_NK)
    assert mixture.handicap_E[2] == mixture.handicap_E[heir.parent] == mixture.handicap_E.max()
    lesson.teach(1)
    assert (lesson.taught.chosen_NK == 2).any()


def test_keys_begin_at_tokens_that_are_far_apart() -> None:
    """Tokens of six heaps: the first six keys point at one of each, as seen from the mean; keys beyond all tokens stay as they were."""
    torch.manual_seed(0)
    heaps_CD = 10 * torch.randn(6, 16)
    x_ND = heaps_CD.repeat(5, 1) + 0.1 * torch.randn(30, 16)
    keys_CD = far_apart(x_ND, 6)
    assert sorted((keys_CD @ (heaps_CD - x_ND.mean(0)).T).argmax(1).tolist()) == [0, 1, 2, 3, 4, 5]
    torch.testing.assert_close(keys_CD.norm(dim=1), torch.ones(6))
    router = Router(8, 16)
    last = router.row_keys[6:].clone()
    router.begin_at(heaps_CD.repeat(3, 1))
    torch.testing.assert_close(router.row_keys[:6].norm(dim=1), torch.ones(6))
    assert torch.equal(router.row_keys[6:], last)


def test_product_keys_begin_with_rows_at_tokens() -> None:
    """39 rows are set, and columns stay at random; a token that is no number makes no key that is none."""
    torch.manual_seed(0)
    router, x_ND = Router(1500, 16), torch.randn(200, 16)
    x_ND[3, 0] = float("nan")
    assert router.column_keys is not None
    rows, columns = router.row_keys.clone(), router.column_keys.clone()
    router.begin_at(x_ND)
    assert router.row_keys.isfinite().all()
    assert (router.row_keys != rows).any(1).all()
    assert torch.equal(router.column_keys, columns)


def test_a_run_begins_its_router_once(shards: Path) -> None:
    """At the first step of all, from tokens; a step later nothing of it is done again, and other runs keep keys at random."""
    at_tokens, at_random = (begun(run(keysFromTokens=chosen), shards) for chosen in (True, False))
    first = at_random.mixture.shared.router.row_keys.clone()
    assert torch.equal(at_tokens.mixture.shared.router.row_keys, first)
    after = list[torch.Tensor]()
    for trainer in (at_tokens, at_random):
        steps(trainer, trainer._run, 0, 1)
        after.append(trainer.mixture.shared.router.row_keys.clone())
    torch.testing.assert_close(after[1], first, rtol=0, atol=0.02)
    assert (after[0] - first).abs().max() > 0.2
    steps(at_tokens, at_tokens._run, 1, 2)
    torch.testing.assert_close(at_tokens.mixture.shared.router.row_keys, after[0], rtol=0, atol=0.02)
