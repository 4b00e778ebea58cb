"""The order of samples: a permutation, whatever the numbers."""

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st
from tandem_trainer.data.order import Order

seeds = st.integers(0, 2**63)


@given(st.integers(1, 3000), seeds, st.integers(0, 3), st.integers(0, 5))
@example(1, 0, 0, 0)
@example(4096, 0, 0, 0)
@example(4097, 0, 0, 0)
def test_an_epoch_visits_each_sample_once(samples: int, seed: int, stream: int, epoch: int) -> None:
    """Every epoch is a permutation, for any number of samples and any seed."""
    visited = Order(samples=samples, seed=seed, stream=stream).visited(epoch * samples, samples)
    assert sorted(visited.tolist()) == list(range(samples))


@given(st.integers(1, 500), st.integers(0, 10**9), st.sampled_from([1, 2, 3, 4, 6, 12]), st.integers(1, 8), seeds)
def test_a_step_has_the_same_samples_for_any_number_of_ranks(samples: int, step: int, ranks: int, times: int, seed: int) -> None:
    """The ranks' shares, one behind the other, are what a single rank would take."""
    order, batch = Order(samples=samples, seed=seed), 12 * times
    shares = [order.share(step, batch=batch, rank=rank, ranks=ranks) for rank in range(ranks)]
    alone = order.share(step, batch=batch, rank=0, ranks=1)
    assert np.concatenate(shares).tolist() == alone.tolist()


@given(st.integers(2, 200), st.integers(0, 400), st.integers(0, 400), seeds)
def test_any_place_can_be_had_without_those_before_it(samples: int, first: int, count: int, seed: int) -> None:
    """Seeking gives what reading from the start gives."""
    order = Order(samples=samples, seed=seed)
    assert order.visited(first, count).tolist() == order.visited(0, first + count)[first:].tolist()


def test_seeds_streams_and_epochs_have_orders_of_their_own() -> None:
    """A change of seed, stream or epoch changes nearly every place."""
    plain = Order(samples=1000, seed=1).visited(0, 2000)
    others = (Order(samples=1000, seed=2), Order(samples=1000, seed=1, stream=1))
    assert all((plain[:1000] == other.visited(0, 1000)).mean() < 0.02 for other in others)
    assert (plain[:1000] == plain[1000:]).mean() < 0.02


def test_the_order_looks_random() -> None:
    """Neighbours are uncorrelated, and the first tenth of an epoch is spread evenly over the samples."""
    visited = Order(samples=10_000, seed=7).visited(0, 10_000).astype(float)
    assert abs(np.corrcoef(visited[:-1], visited[1:])[0, 1]) < 0.05
    counts, _ = np.histogram(visited[:1000], bins=10, range=(0, 10_000))
    assert ((counts - 100) ** 2 / 100).sum() < 27.9  # chi-squared with 9 degrees of freedom, p = 0.001
