"""What to ask the cloud lane first when there is a choice: where the local experts disagree, on what many questions are about.

Active learning by uncertainty times density (Settles 2012, section 5): a label on a hard question of a large group teaches most. Each
question that is taken from a group makes the next of the same group worth less, so that groups take turns.
"""

import heapq
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A question that could be asked.

    Attributes:
        item: Its id.
        disagreement: 1 less the share of votes for the local answer, 0 to less than 1.
        group: Questions alike that it belongs to.
    """

    item: str
    disagreement: float
    group: str


def order(candidates: Sequence[Candidate]) -> tuple[str, ...]:
    """Ids of all candidates, the one that teaches most first: disagreement times size of its group, less for each taken before."""
    sizes = Counter(each.group for each in candidates)
    waiting: dict[str, list[Candidate]] = {}
    for each in sorted(candidates, key=lambda each: (each.disagreement, each.item), reverse=True):
        waiting.setdefault(each.group, []).append(each)
    heads = [(-group[0].disagreement * sizes[name], name, 0) for name, group in waiting.items()]
    heapq.heapify(heads)
    chosen: list[str] = []
    while heads:
        _, name, taken = heapq.heappop(heads)
        chosen.append(waiting[name][taken].item)
        if (after := taken + 1) < len(waiting[name]):
            heapq.heappush(heads, (-waiting[name][after].disagreement * sizes[name] / (1 + after), name, after))
    return tuple(chosen)
