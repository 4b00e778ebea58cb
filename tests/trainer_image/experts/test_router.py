"""Routing: who is chosen, how sure the router is, and how load is evened out."""

import pytest
import torch
from tandem_trainer.experts.learning.credit import costs, errors, pull, responsibilities, shared, surprise
from tandem_trainer.experts.learning.pairs import sorted_by_expert
from tandem_trainer.experts.learning.router import Router, balanced
from tandem_trainer.experts.moving.pieces import pieces


def test_product_keys_find_the_best_of_all_experts() -> None:
    """1,500 experts by 39 + 39 scores: the same two that scores of all 1,500 would give."""
    torch.manual_seed(0)
    router, x_ND = Router(1500, 16), torch.randn(50, 16)
    scores, everybody = router(x_ND), torch.arange(router.rows * router.columns).expand(50, -1)
    assert sum(keys.numel() for keys in router.parameters()) == 2 * 39 * 16
    best = scores.of(everybody)[:, :1500].topk(2, dim=1).indices
    assert torch.equal(scores.choose(torch.zeros(1500), 2), best)


def test_an_expert_in_quarantine_is_not_chosen() -> None:
    """An endless handicap keeps tokens away, by one score each and by product keys."""
    for count in (8, 1500):
        router, x_ND = Router(count, 16), torch.randn(50, 16)
        favourite = int(router(x_ND).choose(torch.zeros(count), 2)[0, 0])
        handicap_E = torch.zeros(count).index_fill_(0, torch.tensor([favourite]), torch.inf)
        assert not (router(x_ND).choose(handicap_E, 2) == favourite).any()


@pytest.mark.parametrize(("count", "tokens", "windows", "at_first", "in_the_end"), [(8, 400, 200, 250, 200), (1500, 3750, 300, 1875, 15)])
def test_handicaps_even_out_the_load(count: int, tokens: int, windows: int, at_first: int, in_the_end: int) -> None:
    """Tokens that all look alike go to a few experts at first; after so many windows no expert sees more than twice its share.

    By product keys, where a token looks at 64 of 1,500 experts, no more than three times.
    """
    torch.manual_seed(0)
    router, handicap_E = Router(count, 16), torch.zeros(count)
    x_ND = torch.ones(1, 16) + 0.3 * torch.randn(tokens, 16)
    loads = []
    for _ in range(windows):
        chosen_NK = router(x_ND).choose(handicap_E, 2)
        loads.append(torch.bincount(chosen_NK.flatten(), minlength=count).max().item())
        handicap_E = balanced(handicap_E, chosen_NK, 0.02)
    assert loads[0] > at_first
    assert max(loads[-10:]) < in_the_end


def test_responsibility_is_the_posterior() -> None:
    """Prior times likelihood, over their sum; an answer that is no number explains nothing."""
    prior, cost = torch.tensor([[0.0, 1.0], [0.0, 0.0]]), torch.tensor([[0.5, 2.0], [float("nan"), 3.0]])
    told = responsibilities(prior, cost, 2.0)
    weights = torch.tensor([0.0, 1.0]).exp() * (-torch.tensor([0.25, 1.0])).exp()
    torch.testing.assert_close(told, torch.stack([weights / weights.sum(), torch.tensor([0.0, 1.0])]))


def test_cost_and_error_are_those_of_an_answer_by_itself() -> None:
    """Of a loss that is a parabola: what it is more where each answer lies than where the joint one does, and its gradient there."""
    torch.manual_seed(0)
    goal, bend, answers = torch.randn(4), torch.tensor(3.0), torch.randn(5, 2, 4)
    joint = answers.mean(1)
    loss = lambda at: bend / 2 * (at - goal).square().sum(-1)  # noqa: E731  # a formula
    gradient, off = bend * (joint - goal), answers - joint.unsqueeze(1)
    torch.testing.assert_close(costs(gradient, off, bend), loss(answers) - loss(joint).unsqueeze(1))
    torch.testing.assert_close(errors(gradient, off, bend), bend * (answers - goal))


def test_an_error_is_off_by_the_square_of_how_far_answers_are_apart() -> None:
    """Of a loss that is no parabola, log cosh: half as far from the joint answer, the error is a quarter as far from the gradient there."""
    goal, joint = torch.tensor([[0.3]]), torch.zeros(1, 1)
    gradient = (joint - goal).tanh()
    bend = 1 - gradient.square().squeeze()
    off_by = [(errors(gradient, off, bend) - (joint + off - goal).tanh()).abs().item() for off in torch.tensor([[[[0.2]]], [[[0.1]]]])]
    assert 3 < off_by[0] / off_by[1] < 5


def test_a_token_without_a_gradient_does_not_bend_the_loss_of_others() -> None:
    """The pull is the mean square of what is finite."""
    assert pull(torch.tensor([[1.0, 3.0], [float("nan"), 0.0], [1.0, float("inf")]])) == 5.0


def test_noise_does_not_make_favourites() -> None:
    """Costs that say nothing, 150 windows of tokens that look much alike: at least 14 of 16 experts are touched to the end."""
    torch.manual_seed(0)
    router, handicap_E, touched = Router(16, 64), torch.zeros(16), []
    adam, common = torch.optim.AdamW(router.parameters(), 3e-3), 0.5 * torch.randn(64)
    for _ in range(150):
        scores = router(torch.nn.functional.rms_norm(torch.randn(512, 64) + common, (64,)))
        chosen_NK = scores.choose(handicap_E, 2)
        credit_NK = responsibilities(scores.of(chosen_NK).detach(), 0.1 * torch.randn(512, 2), 1.0)
        adam.zero_grad()
        surprise(scores.of(chosen_NK), credit_NK).backward()
        adam.step()
        handicap_E = balanced(handicap_E, chosen_NK, 0.01)
        touched.append(len(chosen_NK.unique()))
    assert min(touched[-50:]) >= 14


@pytest.mark.parametrize("count", [1025, 1100])
def test_where_all_are_broken_somebody_is_chosen_and_never_nobody(count: int) -> None:
    """Numbers behind the last expert stand for nobody, and rank below whoever cannot be asked; nobody is chosen twice."""
    torch.manual_seed(0)
    scores = Router(count, 16)(torch.randn(3000, 16))
    for sound in (0, 3):
        handicap_E = torch.full((count,), torch.inf)
        handicap_E[:sound] = 0.0
        chosen_NK = scores.choose(handicap_E, 2)
        assert chosen_NK.max() < count
        assert (chosen_NK[:, 0] != chosen_NK[:, 1]).all()


def test_weights_of_an_expert_sum_to_at_most_one() -> None:
    """Errors are means over an expert's own tokens, by the weight of each answer, so that rare experts learn as fast as busy ones."""
    chosen, weight = torch.tensor([[0, 1], [0, 1], [0, 2]]), torch.tensor([[1.0, 0.5], [2.0, 0.25], [1.0, 1.0]])
    errors = shared(torch.ones(3, 2, 1), weight, chosen, 3)
    assert errors[..., 0].tolist() == [[0.25, 0.5], [0.5, 0.25], [0.25, 1.0]]


def test_pairs_are_sorted_by_expert() -> None:
    """Each expert's own pairs, in the order of tokens, as many of them as a piece has."""
    pairs = sorted_by_expert(torch.tensor([[2, 0], [0, 3], [2, 3]]), 5)
    assert pairs.touched == (0, 2, 3)
    assert [pairs.count(expert) for expert in (0, None, 1, 3)] == [2, 0, 0, 2]
    (both,) = pieces([2, 2], most=32, few=2, abreast=2)
    assert [own_P.tolist() for own_P in pairs.spans([0, 3], both)] == [[1, 2], [3, 5]]
    assert [pairs.spans([2], piece)[0].tolist() for piece in pieces([2], most=1, few=0, abreast=1)] == [[0], [4]]
