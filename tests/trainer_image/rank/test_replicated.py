"""State that every rank holds whole comes back as it was, on any number of ranks."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from tandem_objects import Store, open_store
from tandem_trainer.checkpoint.errors import Mismatch
from tandem_trainer.checkpoint.reader import Reader
from tandem_trainer.rank.replicated import Replicated, Stateful
from tandem_trainer.rank.world import World
from tandem_trainer.refusal import Refusal

from tests.trainer_image.rank.kept import keep


class Held:
    """State of any form."""

    def __init__(self, state: dict[str, Any]) -> None:
        self.state = state

    def state_dict(self) -> dict[str, Any]:
        return self.state

    def load_state_dict(self, state_dict: dict[str, Any], /) -> None:
        self.state = state_dict


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store((tmp_path / "kept").as_uri(), {})


def kept(store: Store, state: Mapping[str, Stateful], size: int = 1) -> Reader:
    """The state as `size` ranks save it, each with random numbers of its own."""
    ranks = [Replicated(state, World(rank=rank, size=size)) for rank in range(size)]
    parts: list[Any] = []
    for rank, each in enumerate(ranks):
        torch.manual_seed(rank)
        parts.append(list(each.slices()))
    return keep(store, parts, {"state": ranks[0].outline()})


def trained(seed: int, steps: int) -> dict[str, Any]:
    """A module with a large weight, a scalar and an empty buffer; its optimizer and schedule, after `steps` steps."""
    torch.manual_seed(seed)
    module = torch.nn.Linear(61, 97)
    module.register_buffer("scalar", torch.tensor(float(seed)))
    module.register_buffer("empty", torch.empty(0, 3))
    optimizer = torch.optim.AdamW(module.parameters(), lr=0.1 * (seed + 1))
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 2)
    for _ in range(steps):
        optimizer.zero_grad()
        module(torch.randn(4, 61)).square().mean().backward()
        optimizer.step()
        schedule.step()
    return {"module": module, "optimizer": optimizer, "schedule": schedule}


def same(one: Any, other: Any) -> bool:
    """Whether two states are equal to the last bit, and of equal form."""
    if isinstance(one, torch.Tensor):
        return isinstance(other, torch.Tensor) and one.dtype == other.dtype and one.shape == other.shape and torch.equal(one, other)
    if isinstance(one, Mapping):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return type(one) is type(other) and len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and one == other


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("readers", [1, 3])
def test_a_module_and_its_optimizer_come_back_on_any_number_of_ranks(store: Store, size: int, readers: int) -> None:
    """Saved by one, two or three ranks and read by one or three, every value is the same to the last bit."""
    was = trained(seed=1, steps=3)
    saved = kept(store, was, size)
    for rank in range(readers):
        now = trained(seed=2, steps=0)
        Replicated(now, World(rank=rank, size=readers)).restore(saved)
        for name, each in was.items():
            assert same(each.state_dict(), now[name].state_dict()), name


def test_no_number_is_saved_twice_and_small_tensors_are_rank_0s() -> None:
    """Over three ranks every tensor's shares add up to it, and other ranks have shares of large ones only."""
    state = {"x": Held({"large": torch.arange(5000), "small": torch.arange(7)})}
    shares = [{each.tensor: (each.start, each.count) for each in Replicated(state, World(rank=rank, size=3)).slices()} for rank in range(3)]
    assert [share["x/large"] for share in shares] == [(0, 1666), (1666, 1667), (3333, 1667)]
    assert [share.get("x/small") for share in shares] == [(0, 7), None, None]


def test_state_of_every_allowed_form_comes_back_as_it_was(store: Store) -> None:
    """Nested lists, tuples, numbers as keys, tensors without dimensions or numbers, and plain values keep form and type."""
    deep = {
        0: [torch.tensor(3.5), (torch.empty(2, 0, dtype=torch.int16), 7, None)],
        5: {"text": "ä", "yes": True, "float": 0.1, "none": None, "list": [], "tuple": ((),), "mapping": {}},
        "bf16": torch.arange(9, dtype=torch.bfloat16).reshape(3, 3).t(),
        "bool": torch.tensor([True, False]),
    }
    saved = kept(store, {"deep": Held(deep)}, 2)
    blank = Held({})
    Replicated({"deep": blank}, World()).restore(saved)
    assert same(deep, blank.state)


@pytest.mark.parametrize("number", [float("inf"), float("-inf"), float("nan")])
def test_numbers_that_json_does_not_know_come_back_too(store: Store, number: float) -> None:
    """A schedule that waits for a better loss begins with infinity as the best one, and goes on with it."""
    saved = kept(store, {"plateau": Held({"best": number})})
    blank = Held({})
    Replicated({"plateau": blank}, World()).restore(saved)
    assert repr(blank.state["best"]) == repr(number)


def test_each_rank_takes_its_own_random_numbers_back(store: Store) -> None:
    """After a resume a rank draws what it would have drawn; one that is new keeps its own generator."""
    saved = kept(store, {"x": Held({"t": torch.ones(2)})}, 2)
    for rank, seed in [(0, 0), (1, 1), (2, 77)]:
        torch.manual_seed(77)
        Replicated({"x": Held({})}, World(rank=rank, size=3)).restore(saved)
        drawn = torch.rand(3)
        torch.manual_seed(seed)
        assert torch.equal(drawn, torch.rand(3))


def test_so_does_its_card(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """It draws by a generator of its own; one that is resumed without cards has no use for it."""
    card = torch.Generator().manual_seed(5)
    with monkeypatch.context() as with_cards:
        with_cards.setattr(World, "device", torch.device("cuda", 0))
        with_cards.setattr(torch.cuda, "default_generators", (card,))
        saved = kept(store, {"x": Held({"t": torch.ones(2)})})
        drawn = torch.rand(3, generator=card)
        Replicated({"x": Held({})}, World()).restore(saved)
        assert torch.equal(drawn, torch.rand(3, generator=card))
    Replicated({"x": Held({})}, World()).restore(saved)


@pytest.mark.parametrize(
    ("now", "told"),
    [
        ({"weight": torch.ones(3, 2)}, r"'x/weight'.*model has \[3, 2\] float32.*has \[2, 3\] float32"),
        ({"weight": torch.ones(2, 3).double()}, r"has \[2, 3\] float64"),
        ({"weight": torch.ones(2, 3), "more": torch.ones(1)}, r"'x/more'.*no such tensor"),
    ],
)
def test_another_models_state_is_a_mismatch_in_one_line(store: Store, now: dict[str, Any], told: str) -> None:
    """Another shape, another format or another tensor: the line names it and says what to do."""
    saved = kept(store, {"x": Held({"weight": torch.ones(2, 3)})})
    with pytest.raises(Mismatch, match=told) as caught:
        Replicated({"x": Held(now)}, World()).restore(saved)
    assert "\n" not in str(caught.value)


def test_state_that_its_owner_refuses_is_a_mismatch_too(store: Store) -> None:
    """An optimizer with other param groups says so itself; the line names the state and the checkpoint."""
    saved = kept(store, {"o": torch.optim.SGD([torch.ones(2)], lr=0.1)})
    two = torch.optim.SGD([{"params": [torch.ones(2)]}, {"params": [torch.ones(2)]}], lr=0.1)
    with pytest.raises(Mismatch, match=r"^o does not fit manifests/.*param.* groups.*another checkpoint.uri$"):
        Replicated({"o": two}, World()).restore(saved)


def test_a_state_of_another_name_is_a_mismatch(store: Store) -> None:
    """State without tensors that was never saved is missed by its name."""
    saved = kept(store, {"a": Held({"n": 1})})
    with pytest.raises(Mismatch, match=r"^b does not fit"):
        Replicated({"b": Held({"n": 1})}, World()).restore(saved)


def test_state_that_cannot_be_written_down_is_refused_by_its_path() -> None:
    """An object that is neither tensor nor plain value is named with its place and its type."""
    with pytest.raises(Refusal, match=r"state at x/deep/1 is a set: only tensors"):
        Replicated({"x": Held({"deep": [1, {2}]})}, World()).outline()


def test_keys_that_cannot_be_written_down_are_refused_by_their_path() -> None:
    """A tuple as a key would come back as a list, which no mapping takes: it is refused before the first step."""
    with pytest.raises(Refusal, match=r"key \(1, 2\) at x is a tuple"):
        Replicated({"x": Held({(1, 2): 3})}, World()).outline()


@pytest.mark.parametrize("state", [{1: torch.zeros(2), "1": torch.ones(2)}, {"a/b": torch.zeros(2), "a": {"b": torch.ones(2)}}])
def test_two_tensors_that_would_share_a_name_are_refused(state: dict[str, Any]) -> None:
    """Names are paths; where two paths look the same the name is told before the first step, not at the first checkpoint."""
    with pytest.raises(Refusal, match=r"state at x/(1|a/b) is there twice"):
        Replicated({"x": Held(state)}, World()).outline()
