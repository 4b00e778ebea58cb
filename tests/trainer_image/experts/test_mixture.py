"""The mixture as a whole, on a task that is one: each kind of point follows a function of its own."""

from copy import deepcopy
from pathlib import Path

import torch
from tandem_trainer.experts.learning.rules import RULES
from torch import Tensor
from torch.nn import functional

from tests.trainer_image.experts.kinds import Lesson, window
from tests.trainer_image.experts.plain import Plain, matrices
from tests.trainer_image.experts.runs import begun, run, shards

__all__ = ["shards"]


def test_a_router_that_learns_tells_apart_a_mixture_that_others_average() -> None:
    """After 150 windows the error of responsibility is less than three quarters of that of hard_equal, from the same seed."""
    errors = {rule: Lesson(rule).teach(150).error() for rule in ("responsibility", "hard_equal")}
    assert errors["responsibility"] < 0.75 * errors["hard_equal"]


def test_hard_equal_is_the_rule_of_the_seed_experiment() -> None:
    """Each expert descends by the loss of its own answer, alone, over its own points, clipped at 1; the router learns nothing.

    To the last digits, since the loss is a parabola here.
    """
    lesson = Lesson("hard_equal")
    mixture, kinds, points_B = lesson.mixture, lesson.kinds, torch.arange(64)
    before = matrices(mixture.layer.mover._rows, mixture.layer.sizes)
    x_BD = functional.rms_norm(kinds.x_ND[points_B], (kinds.x_ND.shape[1],))
    chosen_BK = mixture.shared.router(x_BD).choose(mixture.handicap_E, 2)
    width = (_joint(before, x_BD, chosen_BK) - kinds.goal_ND[points_B]).square().mean()
    mixture.learn(window(points_B), rate=0.2)
    mixture.layer.settle()
    after = matrices(mixture.layer.mover._rows, mixture.layer.sizes)
    for expert in chosen_BK.unique().tolist():
        own_B = (chosen_BK == expert).any(1)
        first, second = (matrix.clone().requires_grad_() for matrix in before[expert])
        off_BD = functional.gelu(x_BD[own_B] @ first) @ second - kinds.goal_ND[points_B][own_B]
        (off_BD.square().sum(1).mean() / (2 * width)).backward()
        steps = [matrix.grad for matrix in (first, second) if matrix.grad is not None]
        scale = 0.2 * min(1.0, 1.0 / float(torch.cat([step.flatten() for step in steps]).norm()))
        for old, step, new in zip((first, second), steps, after[expert], strict=True):
            torch.testing.assert_close(new, old.detach() - scale * step, rtol=1e-4, atol=1e-5)
    assert all(key.grad is None for key in mixture.shared.router.parameters())


def test_end_to_end_descends_by_the_gradient_of_the_whole_model(shards: Path) -> None:
    """As one program that is left to autograd: the same loss, the same gradient of all that is shared.

    And each weight of an expert moves against its own, as Adam's first step has it.
    """
    trainer = begun(run(learning_rule="end_to_end"), shards)
    mixture, sizes = trainer.mixture, trainer.mixture.layer.sizes
    tokens_BT = torch.randint(100, (8, 17), generator=torch.Generator().manual_seed(0))
    before, shared = matrices(mixture.layer.mover._rows, sizes), deepcopy(mixture.shared)
    experts = [(first.clone().requires_grad_(), second.clone().requires_grad_()) for first, second in before]
    stream_BTD = shared.transformer.stream(tokens_BT[:, :-1])
    x_ND = stream_BTD.flatten(0, 1)
    read_ND = functional.rms_norm(x_ND, x_ND.shape[-1:])
    scores = shared.router(read_ND)
    chosen_NK = scores.choose(mixture.handicap_E, sizes.active)
    answers_NKD = Plain(RULES["end_to_end"].change, experts, clip=0.0).answer(read_ND, chosen_NK)
    answer_ND = (scores.of(chosen_NK).softmax(1).unsqueeze(2) * answers_NKD).sum(1)
    loss = shared.transformer.head((x_ND + answer_ND).view_as(stream_BTD), tokens_BT[:, 1:])
    loss.backward()

    taught = mixture.learn(tokens_BT, rate=1e-3)
    mixture.layer.settle()
    torch.testing.assert_close(taught.loss, loss.detach())
    for (name, ours), theirs in zip(mixture.shared.named_parameters(), shared.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-4, atol=1e-6, msg=lambda told, name=name: f"{name}: {told}")
    for old, weights, new in zip(before, experts, matrices(mixture.layer.mover._rows, sizes), strict=True):
        for then, weight, now in zip(old, weights, new, strict=True):
            assert weight.grad is not None
            told = weight.grad.abs() > 1e-5
            assert told.any()
            assert torch.equal((now - then).sign()[told], -weight.grad.sign()[told])


def _joint(experts: list[tuple[Tensor, Tensor]], x_BD: Tensor, chosen_BK: Tensor) -> Tensor:
    """What all who were chosen make of each point, with equal weights."""
    answers_EBD = torch.stack([functional.gelu(x_BD @ first) @ second for first, second in experts])
    return answers_EBD[chosen_BK, torch.arange(len(x_BD)).unsqueeze(1)].mean(1)


def test_experts_count_as_the_router_thought_whatever_came_next() -> None:
    """Two outcomes that speak for opposite experts teach the router opposite things, and each expert equally much."""
    mixture, x_ND = Lesson("responsibility").mixture, torch.randn(64, 32)
    taught = list[tuple[Tensor, Tensor]]()
    for sign in (1.0, -1.0):
        asked = mixture._ask(x_ND)
        toward_ND = sign * (asked.answers_NKD[:, 0] - asked.answers_NKD[:, 1])
        _, weight_NK = mixture._lesson(toward_ND, asked)
        key = mixture.shared.router.row_keys
        assert key.grad is not None
        taught.append((weight_NK, key.grad))
        key.grad = None
    (weight_NK, keys), (other_NK, other_keys) = taught
    torch.testing.assert_close(weight_NK, other_NK)
    assert functional.cosine_similarity(keys.flatten(), other_keys.flatten(), dim=0) < 0


def test_a_point_that_is_no_number_costs_nobody_the_place() -> None:
    """One NaN in the stream: no expert is called broken, at most the two that were asked skip a lesson, and all learn on."""
    lesson = Lesson("responsibility").teach(1)
    mixture = lesson.mixture
    lesson.kinds.x_ND[7, 3] = float("nan")
    points_B = torch.arange(64)
    assert not mixture.learn(window(points_B), rate=0.2).broken_E.any()
    mixture.layer.settle()
    assert mixture.layer.unwell_E.sum() <= 2
    assert mixture.handicap_E.isfinite().all()
    assert mixture.learn(window(points_B[8:]), rate=0.2).loss.isfinite()
