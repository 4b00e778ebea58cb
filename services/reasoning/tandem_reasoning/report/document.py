"""The report for programs: one JSON document. Names stay as they are within a schema; what is new is added beside them.

Money is a decimal in text, US dollars; times are seconds; what is not known is null.
"""

import json
from collections.abc import Mapping, Sequence

from tandem_reasoning.report import verdict
from tandem_reasoning.report.alone import Alone
from tandem_reasoning.report.comparison import COUNTS, Compared, compared
from tandem_reasoning.report.figures import Figures, Learned, Side
from tandem_reasoning.report.proportion import Proportion
from tandem_reasoning.report.words import exact_usd
from tandem_reasoning.routing.replay.curve import Curve, Point
from tandem_reasoning.routing.replay.evaluation import Estimate
from tandem_reasoning.scores.catalogue import ALIASES
from tandem_reasoning.scores.score import Interval, Score

SCHEMA = "tandem.dev/dualrun-report/v1"
NO_CONSCIOUSNESS = (
    "Tandem does not measure consciousness. The names consciousness, integration and coherence of older scripts had no definition; each "
    "is shown beside the defined quantity that comes nearest to it."
)


def document(figures: Figures) -> str:
    """The document."""
    return json.dumps(_told(figures), ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def _told(figures: Figures) -> Mapping[str, object]:
    return {
        "schema": SCHEMA,
        "run": {"uid": figures.run_uid, "name": figures.name or None, "madeAt": figures.made_at.isoformat()},
        "verdict": list(verdict.sentences(figures)),
        "questions": {"total": figures.total, **{state.value: count for state, count in sorted(figures.states.items())}},
        "time": {
            "firstAnswerAt": figures.first_at,
            "lastAnswerAt": figures.last_at,
            "elapsedSeconds": figures.elapsed_s,
            "openSeconds": figures.open_s,
        },
        "capUsd": _usd(figures.cap_nano),
        "spared": figures.spared,
        "instead": {side.value: count for side, count in sorted(figures.instead.items())},
        "together": _side(figures.together),
        "lanes": [_side(side) for side in figures.lanes],
        "alone": {"worth": "right" if figures.labelled else "as the cloud lane", "lanes": [_alone(each) for each in figures.alone]},
        "qualityCost": figures.curve and _curve(figures.curve),
        "kinds": [
            {"kind": each.kind, "questions": each.questions, "run": each.run, "local": each.local, "cloud": each.cloud}
            for each in figures.kinds
        ],
        "spend": [{"seconds": at, "usd": exact_usd(nano)} for at, nano in figures.spend],
        "agreement": [
            {"from": each.low, "to": each.high, "votes": each.answers, "mean": each.agreement, "accuracy": _proportion(each.right)}
            for each in figures.bins
        ],
        "learned": _learned(figures.learned),
        "scores": {score.name: _score(score) for score in figures.scores},
        "olderNames": {"note": NO_CONSCIOUSNESS, **ALIASES},
        "comparison": [_compared(each) for each in compared(figures)],
        "events": [{"kind": each.kind, "count": each.count, "firstAt": each.first_at, "lastAt": each.last_at} for each in figures.events],
        "failures": [{"id": name, "reason": reason} for name, reason in figures.failures],
    }


def _side(side: Side) -> Mapping[str, object]:
    books, calls = side.books, side.calls
    return {
        "name": side.name or None,
        "kind": side.kind,
        "model": side.model or None,
        "asked": side.asked,
        "answered": side.done,
        "accuracy": _proportion(side.right),
        "spentUsd": _usd(books.spent_nano),
        "unconfirmedUsd": _usd(books.unconfirmed_nano),
        "rebilledUsd": _usd(books.rebilled_nano),
        "chargedUsd": _usd(books.charged_nano),
        "hoursUsd": _usd(side.hours_nano),
        "questionUsd": _usd(side.question_nano),
        "questionSeconds": side.question_s,
        "calls": {
            "recorded": books.calls,
            "begun": calls.begun,
            "hedges": calls.hedges,
            "again": calls.again,
            "freed": calls.freed,
            "unconfirmed": books.unconfirmed_calls,
            "medianSeconds": calls.median_s,
            "p99Seconds": calls.p99_s,
        },
        "tokens": {"input": books.input_tokens, "output": books.output_tokens},
    }


def _alone(each: Alone) -> Mapping[str, object]:
    return {
        "name": each.name,
        "lane": each.kind,
        "worth": _estimate(each.found.worth),
        "costNano": _estimate(each.found.cost_nano),
        "questions": each.found.questions,
        "seen": each.found.seen,
        "effective": each.found.effective,
    }


def _curve(curve: Curve) -> Mapping[str, object]:
    (run,) = curve.points
    points = filter(None, (curve.local, curve.cloud, run, curve.oracle))
    return {
        "points": [_point(point) for point in points],
        "overRandom": curve.over_random(run),
        "gapRecovered": curve.pgr(run),
        "partOfCloudCost": curve.cost_part(run),
    }


def _point(point: Point) -> Mapping[str, object]:
    return {"name": point.name, "usd": exact_usd(point.cost_nano), "accuracy": point.worth}


def _learned(learned: Learned) -> Mapping[str, object]:
    return {
        "firstHalf": _proportion(learned.first),
        "secondHalf": _proportion(learned.second),
        "recalled": learned.recalled,
        "notRecalled": learned.not_recalled,
        "memoryAway": learned.away,
        "escalated": learned.escalated,
        "compared": learned.compared,
        "lanesAgreed": _proportion(learned.agreed),
    }


def _score(score: Score) -> Mapping[str, object]:
    return {
        "value": score.value,
        "interval": _interval(score.interval),
        "baseline": score.baseline,
        "items": score.items,
        "formula": score.formula,
        "auroc": score.auroc,
        "aurocInterval": _interval(score.auroc_interval),
        "validated": score.validated,
        "parts": dict(score.parts),
    }


def _compared(each: Compared) -> Mapping[str, object]:
    return {
        "system": each.system,
        "model": each.model or None,
        "seconds": {str(count): None if each.question_s is None else each.question_s * count for count in COUNTS},
        "usd": {str(count): None if each.question_nano is None else exact_usd(each.question_nano * count) for count in COUNTS},
        "quality": each.quality,
    }


def _proportion(part: Proportion) -> Mapping[str, object]:
    return {"value": part.value, "interval": _interval(part.interval), "right": part.right, "of": part.of}


def _estimate(found: Estimate | None) -> Mapping[str, object] | None:
    return found and {"value": found.mean, "interval": _interval(found.interval), "ips": found.ips, "snips": found.snips}


def _interval(interval: Interval | None) -> Sequence[float] | None:
    return None if interval is None else list(interval)


def _usd(nano: float | None) -> str | None:
    return None if nano is None else exact_usd(nano)
