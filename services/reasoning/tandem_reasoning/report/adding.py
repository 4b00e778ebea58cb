"""From what was counted to the figures of a report."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import numpy as np
import numpy.typing as npt

from tandem_reasoning.ledger import Begun, Books, Review
from tandem_reasoning.ledger.jobs.restore import NOBODY
from tandem_reasoning.report.alone import alone, by_kind, curve, gap
from tandem_reasoning.report.figures import Bin, Calls, Figures, Learned, Side
from tandem_reasoning.report.proportion import Proportion
from tandem_reasoning.report.tally import LaneTally, Tally
from tandem_reasoning.routing.replay.curve import Point
from tandem_reasoning.scores.report import report as scores_of
from tandem_reasoning.values import LaneKind

_Floats = npt.NDArray[np.float64]
_HOUR_S = 3600
_MOST_POINTS = 300  # of a line in a picture: more cannot be told apart
_BINS = 10
_NOT_BEGUN = Begun(lane="", calls=0, hedges=0, again=0, freed=0)


def figures(review: Review, tally: Tally, now: datetime) -> Figures:
    """All of them.

    Args:
        review: The ledger.
        tally: Its questions, added up.
        now: When it was read.
    """
    order = np.argsort(np.array(tally.at), kind="stable")
    at, rights, apart, classes = (np.array(column)[order] for column in (tally.at, tally.rights, tally.apart, tally.classes))
    labelled = tally.right.of > 0
    rows = [row for row, known in zip(tally.replays, tally.labelled, strict=True) if known is labelled]
    every = alone(rows, tally.sides.kinds.values())
    together = _together(review, tally)
    run = (
        None
        if tally.right.value is None or together.question_nano is None
        else Point("this run", together.question_nano, tally.right.value)
    )
    between = None if run is None else curve(every, run)
    return Figures(
        run_uid=review.run_uid,
        name=tally.sides.name,
        made_at=now,
        states=dict(tally.states),
        first_at=float(at[0]) if at.size else None,
        last_at=float(at[-1]) if at.size else None,
        open_s=review.age_s,
        cap_nano=review.sums.cap_nano,
        together=together,
        lanes=_lanes(review, tally),
        known=tally.known,
        labelled=labelled,
        alone=every,
        curve=between,
        kinds=by_kind(rows, every, {kind: (each.right, each.of) for kind, each in tally.kinds.items()}) if labelled else (),
        spared=tally.spared,
        instead={side: count for side, count in tally.instead.items() if side is not None and count},
        spend=_spend(at, np.array(tally.spent_nano)[order], review.charges()),
        bins=_bins(np.array(tally.agreements), np.array(tally.votes_right)),
        scores=scores_of(tally.answered, gap=gap(every, between) if between else None),
        learned=_learned(tally, rights[apart == 0], classes[apart == 0]),
        events=review.events(),
        failures=tuple(tally.failures),
    )


def _lanes(review: Review, tally: Tally) -> Sequence[Side]:
    """The cloud lane first, as in the table of the older scripts; then by name."""
    begun = {each.lane: each for each in review.begun()}
    names = {*tally.sides.lanes, *tally.lanes, *review.sums.lanes} - {NOBODY}
    ordered = sorted(names, key=lambda name: (tally.sides.kind(name) is not LaneKind.CLOUD, name))
    return [_lane(name, review, tally, begun.get(name, _NOT_BEGUN)) for name in ordered]


def _lane(name: str, review: Review, tally: Tally, begun: Begun) -> Side:
    lane, told = tally.lanes.get(name, LaneTally()), tally.sides.lanes.get(name)
    hour_nano = told.price.hour_nano if told else 0
    return Side(
        name=name,
        kind=tally.sides.kind(name),
        model=told.model if told else "",
        asked=lane.asked,
        done=lane.done,
        right=lane.answered,
        books=review.sums.lanes.get(name, Books()),
        hours_nano=round(hour_nano * review.age_s / _HOUR_S) if hour_nano else None,
        calls=_calls([begun], np.array(lane.call_seconds)),
        question_nano=_mean(lane.cost_nano, lane.asked),
        question_s=_mean(lane.seconds, lane.asked),
    )


def _together(review: Review, tally: Tally) -> Side:
    """All lanes; what a question cost is known of those that are answered."""
    hours = [hours for side in _lanes(review, tally) if (hours := side.hours_nano) is not None]
    done = len(tally.at)
    return Side(
        name="",
        kind=None,
        model="",
        asked=sum(tally.states.values()),
        done=done,
        right=tally.right,
        books=review.sums.total,
        hours_nano=sum(hours) if hours else None,
        calls=_calls(review.begun(), np.concatenate([np.array(each.call_seconds) for each in tally.lanes.values()] or [np.zeros(0)])),
        question_nano=_mean(sum(tally.spent_nano), done),
        question_s=_mean(tally.seconds, done),
    )


def _calls(begun: Iterable[Begun], seconds: _Floats) -> Calls:
    every = tuple(begun)
    median, p99 = np.percentile(seconds, (50, 99)).tolist() if seconds.size else (None, None)
    return Calls(
        begun=sum(each.calls for each in every),
        hedges=sum(each.hedges for each in every),
        again=sum(each.again for each in every),
        freed=sum(each.freed for each in every),
        median_s=median,
        p99_s=p99,
    )


def _spend(at: _Floats, spent: _Floats, charges: Sequence[tuple[float, str, int]]) -> Sequence[tuple[float, float]]:
    """What was spent by when, thinned out; what an answer cost counts from when it was there."""
    moments = np.concatenate([at, [charge[0] for charge in charges]])
    if not moments.size:
        return ()
    order = np.argsort(moments, kind="stable")
    total = np.cumsum(np.concatenate([spent, [float(charge[2]) for charge in charges]])[order])
    moments = moments[order]
    shown = np.unique(np.linspace(0, moments.size - 1, min(moments.size, _MOST_POINTS)).astype(np.int64))
    return tuple(zip((moments[shown] - moments[0]).tolist(), total[shown].tolist(), strict=True))


def _bins(agreements: _Floats, rights: _Floats) -> Sequence[Bin]:
    """Votes by tenths of agreement; the last holds those that all agree on."""
    found: list[Bin] = []
    for number in range(_BINS):
        low, high = number / _BINS, (number + 1) / _BINS
        inside = (agreements >= low) & ((agreements < high) | ((number == _BINS - 1) & (agreements <= 1)))
        if inside.any():
            known = rights[inside & (rights >= 0)]
            right = Proportion(right=int(known.sum()), of=int(known.size))
            agreement = float(agreements[inside].mean())
            found.append(Bin(low=low, high=high, answers=int(inside.sum()), agreement=agreement, right=right))
    return tuple(found)


def _learned(tally: Tally, rights: _Floats, classes: _Floats) -> Learned:
    halves = [np.array_split(rights[classes == each], 2) for each in np.unique(classes)]
    columns = [np.concatenate(half) for half in zip(*halves, strict=True)] or [np.zeros(0)] * 2
    first, second = (Proportion(right=int((half == 1).sum()), of=int((half >= 0).sum())) for half in columns)
    remembers = bool(tally.recalled[True] or tally.recalled[False])
    return Learned(
        first=first,
        second=second,
        recalled=tally.recalled[True] if remembers else None,
        not_recalled=tally.recalled[False] if remembers else None,
        away=tally.away if remembers else None,
        escalated=tally.escalated,
        compared=tally.compared,
        agreed=tally.agreed,
    )


def _mean(total: float, number: int) -> float | None:
    return total / number if number else None
