"""Where a policy draws its lines, and how fast it learns.

The lines are those of the measured prototype, which had 97 % of the cloud lane's accuracy at 61 % of its cost; in it one call stood for
the vote wherever the local lane was enough. It warmed up with 40 questions; with 24, four of each of six classes, accuracy is the same in
all orders of the shipped sets, and the cost 2 to 5 points lower (`tests.bench.reasoning.routing`).
"""

from dataclasses import dataclass

from tandem_reasoning.routing.estimate import NEAREST


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """The lines.

    Attributes:
        local_above: From this chance of agreement on, the local lane is enough.
        single_loses: There one call of it is made if it is feared to be right on at most so much fewer questions than the vote.
        cloud_below: Below it the cloud lane is asked at once.
        escalate_below: A local vote with a smaller share for its answer is handed on to the cloud lane.
        sure: A local vote counts only if it agrees with the cloud lane with at least this chance, share and neighbours together.
        paid_below: From this chance of agreement on, the local experts vote alone because the dollars do not reach; moved by
            `pacing`, above 1 while they do.
    """

    local_above: float = 0.8
    single_loses: float = 0.02
    cloud_below: float = 0.2
    escalate_below: float = 1.0
    sure: float = 0.7
    paid_below: float = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Learning:
    """How labels are come by.

    Attributes:
        k: Neighbours that are looked at.
        warmup: Questions that both lanes answer before anything is believed.
        explore: Part of questions that both lanes answer afterwards; it also lets other policies be judged later.
    """

    k: int = NEAREST
    warmup: int = 24
    explore: float = 0.05


LINES = Thresholds()
"""The lines that a run begins with."""

LEARNING = Learning()
"""How a run learns that says nothing else."""
