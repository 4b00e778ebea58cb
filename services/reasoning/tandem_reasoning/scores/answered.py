"""What scores are made of: one row for each answered item, and the same as columns for numpy.

Answers are compared as texts that stand for them (`thinking.answers.keyed`): the same text is the same answer. An answer is right when
it is the label; without a label nothing is known of it.

Letters of shapes: N items, K experts.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ids = npt.NDArray[np.int64]

NOBODY = -1
"""Id in place of an answer that was not asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recall:
    """What the shared memory had for an item, looked up for those of the hold-out too.

    Attributes:
        shown: Whether prompts showed it; not so in the hold-out.
        hold_out: Chance with which the item came into the hold-out, more than 0 and less than 1.
    """

    shown: bool
    hold_out: float = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """One answered item.

    Attributes:
        taken: The answer that the run gave.
        answers: The experts' answers in the last step, always in the same order of experts; None for one who was not asked.
        earlier: The same for the step before; empty when there was one step only.
        vote: The experts' plurality answer.
        greedy: The answer of one single greedy call, the yardstick of an ensemble.
        local: The answer of the local lane alone, where it was asked.
        cloud: The answer of the cloud lane alone, where it was asked.
        by_cloud: Whether a cloud lane gave the answer that was taken; None when not said.
        label: The right answer, where there is one; keyed together with the replies, so that it is spelt as they are.
        confidence: How sure the experts said they are, 0 to 1; None takes the share of votes for it.
        recall: What another lane's record had to say; None when none was found.
    """

    taken: str
    answers: Sequence[str | None] = ()
    earlier: Sequence[str | None] = ()
    vote: str | None = None
    greedy: str | None = None
    local: str | None = None
    cloud: str | None = None
    by_cloud: bool | None = None
    label: str | None = None
    confidence: float | None = None
    recall: Recall | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Table:
    """The same as columns: ids of answers, NOBODY where there is none; what is right is 1, wrong 0, not known NaN.

    Attributes:
        answers_NK: Ids of the experts' last answers.
        earlier_NK: Ids of those in the step before.
        taken_N: Ids of the answers that were taken.
        label_N: Ids of the right answers.
        right_NK: Which experts were right.
        taken_right_N: Which answers that were taken are right.
        vote_right_N: Which votes are right.
        greedy_right_N: Which greedy answers are right.
        local_right_N: Which answers of the local lane are right.
        cloud_right_N: Which answers of the cloud lane are right.
        by_cloud_N: 1 where a cloud lane gave the answer that was taken.
        confidence_N: How sure the experts said they are; NaN where they said nothing.
        shown_N: 1 where another lane's record was shown, 0 where it was held out, NaN where there was none.
        hold_out_N: Chance of the hold-out.
    """

    answers_NK: Ids
    earlier_NK: Ids
    taken_N: Ids
    label_N: Ids
    right_NK: Floats
    taken_right_N: Floats
    vote_right_N: Floats
    greedy_right_N: Floats
    local_right_N: Floats
    cloud_right_N: Floats
    by_cloud_N: Floats
    confidence_N: Floats
    shown_N: Floats
    hold_out_N: Floats

    @property
    def items(self) -> int:
        """How many there are."""
        return len(self.taken_N)


def table(items: Sequence[Answered]) -> Table:
    """The columns of `items`."""
    ids: dict[str, int] = {}
    experts = max((max(len(item.answers), len(item.earlier)) for item in items), default=0)
    label_N = _ids((item.label for item in items), ids)
    answers_NK = _grid([item.answers for item in items], experts, ids)
    taken_N = _ids((item.taken for item in items), ids)
    return Table(
        answers_NK=answers_NK,
        earlier_NK=_grid([item.earlier for item in items], experts, ids),
        taken_N=taken_N,
        label_N=label_N,
        right_NK=_right(answers_NK, label_N[:, None]),
        taken_right_N=_right(taken_N, label_N),
        vote_right_N=_right(_ids((item.vote for item in items), ids), label_N),
        greedy_right_N=_right(_ids((item.greedy for item in items), ids), label_N),
        local_right_N=_right(_ids((item.local for item in items), ids), label_N),
        cloud_right_N=_right(_ids((item.cloud for item in items), ids), label_N),
        by_cloud_N=_floats(item.by_cloud for item in items),
        confidence_N=_floats(item.confidence for item in items),
        shown_N=_floats(None if item.recall is None else item.recall.shown for item in items),
        hold_out_N=_floats(None if item.recall is None else item.recall.hold_out for item in items),
    )


def _ids(answers: Iterable[str | None], ids: dict[str, int]) -> Ids:
    """An id for each answer, the same for the same text."""
    return np.array([NOBODY if answer is None else ids.setdefault(answer, len(ids)) for answer in answers], np.int64)


def _grid(rows: Sequence[Sequence[str | None]], experts: int, ids: dict[str, int]) -> Ids:
    flat = _ids((row[place] if place < len(row) else None for row in rows for place in range(experts)), ids)
    return flat.reshape(len(rows), experts)


def _right(answers: Ids, labels: Ids) -> Floats:
    return np.where((answers == NOBODY) | (labels == NOBODY), np.nan, (answers == labels).astype(np.float64))


def _floats(values: Iterable[float | None]) -> Floats:
    return np.array([np.nan if value is None else float(value) for value in values], np.float64)
