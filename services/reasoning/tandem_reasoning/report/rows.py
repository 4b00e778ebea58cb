"""One question as scores and replays want it.

A replay asks what an answer was worth: 1 when it is right. Where the run has no right answers at all, it is 1 when it is what the
cloud lane said, and then any answer's worth is only seen where the cloud lane was asked as well.
"""

import hashlib
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache

from tandem_reasoning.report.line import ALONE, Line, local_answer, single
from tandem_reasoning.report.sides import Sides
from tandem_reasoning.routing.decision import Arm, Mode
from tandem_reasoning.routing.known import Known, Labels, LaneView
from tandem_reasoning.routing.replay.log import Logged, Outcome, logged
from tandem_reasoning.scores.answered import Answered
from tandem_reasoning.values import LaneKind

_LONG = 40  # characters from which on an answer is kept as a digest: a ledger of long ones does not fit into memory
_DIGEST_BYTES = 12  # two of a million answers meet by chance once in 10^16 runs


def replayed(line: Line, sides: Sides) -> Logged | None:
    """What was seen of each arm, nothing where nothing can be compared; None where the decision is not known."""
    if line.said is None or line.decision is None:
        return None
    said, cloud = line.said, single(line.said, sides, LaneKind.CLOUD)
    truth = said.label if said.label is not None else cloud
    told = {Arm.VOTE: said.vote, Arm.LOCAL: single(said, sides, LaneKind.LOCAL), Arm.CLOUD: cloud}
    if line.decision.mode is Mode.ENSEMBLE and not line.decision.compare:
        told[Arm.JOINED] = said.taken
    costs = _costs(line, sides)
    seen = {arm: Outcome(float(answer == truth), costs[arm]) for arm, answer in told.items() if answer is not None and truth is not None}
    row = logged(_known(sides, line.of.question.kind), line.decision, seen, share=said.share)
    if said.label is not None:
        return row
    rarest = row.chances.get(Arm.CLOUD, 0.0)
    return replace(row, chances={arm: min(chance, rarest) for arm, chance in row.chances.items()} if rarest else {})


def scored(line: Line, sides: Sides, experts: Mapping[str, int]) -> Answered | None:
    """The row of a question for the scores; None until it is answered.

    Args:
        line: The question.
        sides: Whose each lane is.
        experts: Place of each expert's answers, always the same; those of this line are among them.
    """
    said, outcome = line.said, line.of.outcome
    if said is None or outcome is None:
        return None
    kind = sides.kind(outcome.lane)
    return Answered(
        taken=_short(said.taken),
        answers=_placed(said.experts, experts),
        earlier=_placed(said.earlier, experts) if said.earlier else (),
        vote=_short_or_none(said.vote),
        greedy=_short_or_none(single(said, sides, LaneKind.LOCAL)),
        local=_short_or_none(local_answer(line, sides)),
        cloud=_short_or_none(single(said, sides, LaneKind.CLOUD)),
        by_cloud=None if kind is None else kind is LaneKind.CLOUD,
        label=_short_or_none(said.label),
        recall=line.recall,
    )


def _costs(line: Line, sides: Sides) -> Mapping[Arm, int]:
    """Nano-dollars of each arm's calls; a vote of both costs nothing beside its parts."""
    alone = [call for call in line.of.calls if call.place.expert == ALONE]
    by_kind = {kind: sum(call.cost_nano for call in alone if sides.kind(call.lane) is kind) for kind in LaneKind}
    vote = sum(call.cost_nano for call in line.voted)
    return {Arm.VOTE: vote, Arm.LOCAL: by_kind[LaneKind.LOCAL], Arm.CLOUD: by_kind[LaneKind.CLOUD], Arm.JOINED: 0}


def _known(sides: Sides, kind: str) -> Known:
    return _of_kinds(tuple(sorted(sides.kinds.items())), kind)


@lru_cache(4096)
def _of_kinds(kinds: tuple[tuple[str, LaneKind], ...], kind: str) -> Known:
    """What a policy is told of a question of this class; all such questions share one value."""
    lanes = [LaneView(name=name, kind=whose) for name, whose in kinds]
    return Known(lanes=lanes, draw=0.0, kind=kind, labels=Labels(there=sys.maxsize))


def _placed(told: Mapping[str, str], experts: Mapping[str, int]) -> tuple[str | None, ...]:
    placed: list[str | None] = [None] * len(experts)
    for name, answer in told.items():
        placed[experts[name]] = _short_or_none(answer or None)  # who says nothing has no vote
    return tuple(placed)


def named(experts: dict[str, int], names: Iterable[str]) -> None:
    """Give each expert a place that has none yet."""
    for name in names:
        experts.setdefault(name, len(experts))


def _short_or_none(text: str | None) -> str | None:
    return None if text is None else _short(text)


def _short(text: str) -> str:
    """The same text for the same answer, and never a long one."""
    if len(text) > _LONG:
        text = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_DIGEST_BYTES).hexdigest()
    return sys.intern(text)
