"""The scheduled layer is a plain layer whose experts happen to be elsewhere."""

import itertools

import pytest
import tandem_trainer.experts.sizes
import torch
from tandem_trainer.experts.layer import Layer
from tandem_trainer.experts.learning import change, expert
from tandem_trainer.experts.learning.expert import product
from tandem_trainer.experts.learning.rules import RULES
from tandem_trainer.experts.sizes import PIECE, Room, link_bytes
from torch import Tensor

from tests.trainer_image.experts.largest import Largest
from tests.trainer_image.experts.plain import Plain, layer, matrices, windows

ROOMS = (Room(), Room(streaming=4, hot=2), Room(group=4), Room(hot=1, group=3), Room(hot=1, group=2, kept=25), Room(kept=100))


@pytest.fixture(params=["side by side", "each by itself"])
def either(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Experts count as small, or as large."""
    if request.param == "each by itself":
        _each_by_itself(monkeypatch)


def _each_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tandem_trainer.experts.sizes, "_SMALL", 0)


@pytest.mark.parametrize("room", ROOMS, ids=str)
@pytest.mark.parametrize("rule", sorted(RULES))
@pytest.mark.usefixtures("either")
def test_every_rule_learns_what_a_plain_layer_learns(rule: str, room: Room) -> None:
    """Six windows, clipped and with experts left out: answers, passed-on errors and weights agree to 1e-5 of their size."""
    scheduled, rows = layer(rule, room, clip=3.0)
    plain = Plain(RULES[rule].change, matrices(rows, scheduled.sizes), 3.0)
    for number in range(6):
        x_ND, chosen_NK, error_NKD = windows(scheduled.sizes)(number)
        answers = scheduled.answer(x_ND, chosen_NK)
        assert _off(answers, plain.answer(x_ND, chosen_NK)) < 1e-5
        scheduled.teach(error_NKD, rate=0.05)
        passed_on = plain.teach(x_ND, chosen_NK, error_NKD, 0.05)
        if RULES[rule].through:
            assert _off(scheduled.pass_on(), passed_on) < 1e-5
    scheduled.settle()
    for mine, others in zip(matrices(rows, scheduled.sizes), plain.matrices, strict=True):
        assert max(_off(one, other) for one, other in zip(mine, others, strict=True)) < 1e-5


@pytest.mark.parametrize(("width", "inner"), [(4, 2), (8, 12), (18, 7), (64, 50), (50, 100), (36, 10), (64, 64)])
@pytest.mark.parametrize("rule", ["responsibility", "local_adam", "oja"])
@pytest.mark.usefixtures("either")
def test_settling_changes_no_bit(rule: str, width: int, inner: int) -> None:
    """Settled after every window, after some, or at the end only, with other slots and groups: the same rows to the last bit.

    Also where widths are no whole cache lines, and others in the slot would shift what an expert is worked on with.
    """
    _settled_now_and_then(rule, width, inner)


@pytest.mark.parametrize(("width", "inner"), [(64, 10), (64, 24), (24, 32), (100, 200)])
@pytest.mark.parametrize("threads", [2, 4])
def test_nor_does_it_on_several_threads(width: int, inner: int, threads: int) -> None:
    """Sizes of which one thread has the same bits for one product and for several, and more threads have others."""
    torch.set_num_threads(threads)
    _settled_now_and_then("responsibility", width, inner)
    assert torch.get_num_threads() == threads


def _settled_now_and_then(rule: str, width: int, inner: int) -> None:
    ends = []
    for room, every in ((Room(), 1), (Room(), 5), (Room(hot=2, group=2), 3), (Room(streaming=5, group=6), 100), (Room(hot=1, kept=25), 3)):
        scheduled, rows = layer(rule, room, clip=1.0, count=12, width=width, inner=inner)
        for number in range(10):
            x_ND, chosen_NK, error_NKD = windows(scheduled.sizes, tokens=200)(number)
            scheduled.answer(x_ND, chosen_NK)
            scheduled.teach(error_NKD, rate=0.1)
            if number % every == 0:
                scheduled.settle()
        scheduled.settle()
        ends.append(rows.rows_ER)
    assert all(torch.equal(ends[0], other) for other in ends[1:])


def test_after_a_checkpoint_a_run_moves_what_a_resumed_one_moves() -> None:
    """Hot places and heat begin anew on both paths: windows after it cost the same bytes each, and change the same bits."""
    room = Room(hot=2)
    going_on, rows = layer("responsibility", room, count=12)
    for number in range(4):
        _window(going_on, number)
    going_on.settle()
    resumed, resumed_rows = layer("responsibility", room, count=12)
    _window(resumed, 9)
    resumed_rows.rows_ER.copy_(rows.rows_ER)
    resumed.forget()
    for number in range(4, 12):
        assert _window(going_on, number) == _window(resumed, number)
    for each in (going_on, resumed):
        each.settle()
    assert torch.equal(rows.rows_ER, resumed_rows.rows_ER)


@pytest.mark.parametrize("hot", [0, 1, 3])
def test_bytes_over_the_link_are_the_formula(hot: int) -> None:
    """A step brings each touched expert once and takes each that learned back once; hot ones cost nothing after the first."""
    scheduled, _ = layer("responsibility", Room(hot=hot))
    moved = []
    for _ in range(4):
        x_ND, chosen_NK, error_NKD = windows(scheduled.sizes, tokens=64)(0)
        scheduled.answer(x_ND, chosen_NK)
        moved.append((scheduled.mover.traffic.bytes_in, scheduled.mover.traffic.bytes_out))
        scheduled.teach(error_NKD, rate=0.1)
    assert moved[0] == link_bytes(scheduled.sizes, learned=0, touched=6)
    each = [(now[0] - before[0], now[1] - before[1]) for before, now in itertools.pairwise(moved)]
    assert each == [link_bytes(scheduled.sizes, learned=6 - hot, touched=6 - hot)] * 3


@pytest.mark.parametrize("rule", sorted(RULES))
def test_nothing_as_large_as_an_expert_is_made_while_it_trains(rule: str) -> None:
    """No operation of a step makes a tensor as large as an expert's two matrices, hot and grouped slots included."""
    scheduled, _ = layer(rule, Room(hot=1, group=2), clip=1.0, count=12, width=48, inner=64)
    window = windows(scheduled.sizes, tokens=16)
    for number in range(3):
        x_ND, chosen_NK, error_NKD = window(number)
        with Largest() as made:
            scheduled.answer(x_ND, chosen_NK)
            scheduled.teach(error_NKD, rate=0.1)
        assert 0 < made.numbers < scheduled.sizes.weights


@pytest.mark.parametrize("rule", sorted(RULES))
def test_working_memory_does_not_follow_the_load(rule: str) -> None:
    """All of 2,000 tokens choose the same two experts: nothing is made that is larger than the answers themselves."""
    scheduled, _ = layer(rule, Room(), inner=64)
    for number in range(3):
        x_ND, _, error_NKD = windows(scheduled.sizes, tokens=2000)(number)
        chosen_NK = torch.tensor([[1, 3]]).expand(2000, 2)
        with Largest() as made:
            scheduled.answer(x_ND, chosen_NK)
            scheduled.teach(error_NKD, rate=0.1)
        assert made.numbers == error_NKD.numel() < 2000 * scheduled.sizes.inner


def test_more_pairs_than_are_worked_on_at_a_time_are_learned_like_few() -> None:
    """An expert with several pieces of pairs, beside small ones in its slot: answers and weights are those of a plain layer."""
    for room in (Room(), Room(group=3)):
        scheduled, rows = layer("oja", room, clip=3.0)
        plain = Plain(RULES["oja"].change, matrices(rows, scheduled.sizes), 3.0)
        x_ND, chosen_NK, error_NKD = windows(scheduled.sizes, tokens=3 * PIECE)(0)
        chosen_NK[:, 0] = 2
        chosen_NK[:, 1] = torch.where(chosen_NK[:, 1] == 2, 4, chosen_NK[:, 1])
        assert _off(scheduled.answer(x_ND, chosen_NK), plain.answer(x_ND, chosen_NK)) < 1e-5
        scheduled.teach(error_NKD, rate=0.05)
        plain.teach(x_ND, chosen_NK, error_NKD, 0.05)
        scheduled.settle()
        for mine, others in zip(matrices(rows, scheduled.sizes), plain.matrices, strict=True):
            assert max(_off(one, other) for one, other in zip(mine, others, strict=True)) < 1e-5


@pytest.mark.parametrize("kept", [0, 14, 40, 1000])
def test_experts_learn_from_what_answering_has_kept(kept: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was kept of the second window is spoilt before it is learned from: whose pairs were all in memory is named as unwell."""
    _each_by_itself(monkeypatch)
    scheduled, _ = layer("responsibility", Room(kept=kept, group=2))
    scheduled.answer(*windows(scheduled.sizes)(0)[:2])
    x_ND, chosen_NK, error_NKD = windows(scheduled.sizes)(1)
    scheduled.answer(x_ND, chosen_NK)
    scheduled.teach(error_NKD, rate=0.1)
    scheduled.mover.slots.kept_WMF.fill_(float("nan"))
    scheduled.settle()
    seen_E = torch.bincount(chosen_NK.flatten(), minlength=scheduled.sizes.count)
    assert torch.equal(scheduled.unwell_E, (seen_E > 0) & (seen_E.cumsum(0) <= kept))


@pytest.mark.parametrize("group", [1, 5, 12])
def test_small_experts_are_worked_on_in_one_product(group: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twelve of them, as many at once as share a slot: so many products are made for a window that they answer, and learn from."""
    scheduled, _ = layer("responsibility", Room(group=group), count=12)
    x_ND, _, error_NKD = windows(scheduled.sizes, tokens=24)(0)
    chosen_NK = torch.arange(48).remainder(12).view(24, 2)
    made = 0

    def counted(*arguments: Tensor, out: Tensor) -> Tensor:
        nonlocal made
        made += 1
        return product(*arguments, out=out)

    for module in (expert, change):
        monkeypatch.setattr(module, "product", counted)
    scheduled.answer(x_ND, chosen_NK)
    visits = -(-12 // group)
    assert made == 2 * visits
    scheduled.teach(error_NKD, rate=0.1)
    scheduled.settle()
    assert made == (2 + 4) * visits


def test_what_is_kept_is_foreseen() -> None:
    """Slots, desk and what is inside for the pairs of two windows, to the byte."""
    scheduled, _ = layer("responsibility", Room(hot=2, group=3, kept=50))
    sizes = scheduled.sizes
    assert scheduled.mover.slots.bytes == Room(hot=2, group=3, kept=50).bytes(sizes)
    assert Room(kept=50).bytes(sizes) - Room().bytes(sizes) == 2 * 50 * sizes.inner_lines * 4


@pytest.mark.parametrize("rule", sorted(RULES))
@pytest.mark.usefixtures("either")
def test_a_gradient_that_is_no_number_stays_with_its_expert(rule: str) -> None:
    """Errors of expert 2 are not finite: it keeps its weights and is named; all others learn as if nothing had happened."""
    sick, rows = layer(rule, Room(group=3), clip=1.0)
    sound, other_rows = layer(rule, Room(group=3), clip=1.0)
    first = rows.rows_ER[2].clone()
    for each in (sick, sound):
        x_ND, chosen_NK, error_NKD = windows(each.sizes)(0)
        each.answer(x_ND, chosen_NK)
        if each is sick:
            error_NKD[chosen_NK == 2] = float("nan")
        each.teach(error_NKD, rate=0.1)
        each.settle()
    assert sick.unwell_E.nonzero().flatten().tolist() == [2]
    assert torch.equal(rows.rows_ER[2], first)
    others = [0, 1, 3, 4, 5]
    assert torch.equal(rows.rows_ER[others], other_rows.rows_ER[others])


def _window(each: Layer, number: int) -> int:
    """Answer for a window of few tokens and be taught; how many bytes that moved."""
    x_ND, chosen_NK, error_NKD = windows(each.sizes, tokens=6)(number)
    before = each.mover.traffic.bytes_in + each.mover.traffic.bytes_out
    each.answer(x_ND, chosen_NK)
    each.teach(error_NKD, rate=0.1)
    return each.mover.traffic.bytes_in + each.mover.traffic.bytes_out - before


def _off(one: torch.Tensor, other: torch.Tensor) -> float:
    return ((one - other).abs().max() / other.abs().max()).item()
