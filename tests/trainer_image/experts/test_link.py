"""Rows on their way: what is copied, and in how many copies."""

import torch
from tandem_trainer.experts.moving import link
from torch import Tensor


def _copies(to: Tensor, source: Tensor, *pairs: tuple[int, int]) -> list[tuple[Tensor, Tensor]]:
    return [(to[here], source[there]) for here, there in pairs]


def test_rows_that_follow_each_other_here_and_there_are_one_copy() -> None:
    """A gap on either side, or another piece of memory, begins another."""
    slots, rows, others = torch.zeros(8, 5), torch.arange(60.0).view(12, 5), torch.arange(60.0, 90.0).view(6, 5)
    copies = _copies(slots, rows, (0, 3), (1, 4), (2, 5), (3, 8), (5, 9)) + _copies(slots, others, (6, 0), (7, 1))
    made = list(link._together(copies))
    assert [to.numel() for to, _ in made] == [15, 5, 5, 10]
    assert link._copied(copies) == 7 * 5 * 4
    expected = torch.cat([rows[[3, 4, 5, 8]], torch.zeros(1, 5), rows[[9]], others[:2]])
    assert torch.equal(slots, expected)
