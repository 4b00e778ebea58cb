"""What growing is worth: `python -m tests.bench.experts.growth [PART]... [--seeds N] [--steps N]`; all parts, or some.

start      the router's keys begin at tokens that lie far apart (`mixture.keysFromTokens`), on mixtures of 8 and of 32 kinds
breaking   three of eight experts break after 60 windows: they stay silent, or are made anew (`mixture.renewEvery`) after 80
few        two of eight experts begin, and others are made from the busiest, twice as many every 40 windows; rows that moved beside it
messages   experts are told what the others answered, by half and wholly, and learn from what the joint answer still lacks
levels     a router of two levels: first a group of four experts, then two of these
language   a small model on Python source: `start`, `few` (four of sixteen begin) and `messages`, by the loss of text that was not seen

Error of points that were never shown, over the variance; `responsibility`; of each way and of none, from the same seeds. One JSON line
each: {metric, value, unit, way, ..., low, high, seeds}; low and high bound the mean nineteen times in twenty. `of_none` is the mean of what
a way has of the error that none has (of language: nats a token more), with its own interval: below one (of language: below zero) it gains.

What gains is in the product. What does not is here only: it can be tried again where it might.
"""

import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from tandem_trainer.experts.learning import credit
from tandem_trainer.experts.learning.router import Router, Scores
from tandem_trainer.experts.model import Mixture
from torch import Tensor

from tests.bench.experts.asking import Parser, at_least
from tests.bench.experts.language import PYTHON, Pupil, insist_on_enough
from tests.bench.experts.seeds import mean_of
from tests.bench.memory.line import say
from tests.trainer_image.experts.kinds import Lesson

RULE, NONE = "responsibility", "none"
MARKS: Mapping[int, Sequence[int]] = {8: (50, 150, 450), 32: (50, 150)}  # windows, by the number of kinds and experts
BREAK, LOOK, BROKEN = 60, 80, [1, 4, 6]
AFTER_BREAK = (80, 120, 200, 300)
FEW, EVERY, GROUPS = 2, 40, 2
TOLD = {"half": 0.5, "whole": 0.0}  # how much of its own distance from the joint answer an expert still learns from

Errors = Mapping[int, float]
"""By windows or steps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How long language is learned, and where its text lies once it is prepared."""

    steps: int
    cache: Path


def main() -> None:
    """Measure what was asked for."""
    parser = Parser()
    parser.add_parts(PARTS)
    parser.add_seeds()
    parser.add_argument("--steps", type=at_least(4), default=400, help="of language")
    asked = parser.parse_args()
    torch.set_num_threads(1)  # products of this size are fastest so
    parts = asked.parts or list(PARTS)
    with tempfile.TemporaryDirectory() as folder, parser.refusing():
        reading = Reading(steps=asked.steps, cache=Path(folder))
        if "language" in parts:
            insist_on_enough([PYTHON], reading.steps, reading.cache)
        for part in parts:
            PARTS[part](range(asked.seeds), reading)


def start(seeds: Sequence[int], _reading: Reading) -> None:
    """Keys at random, and at tokens."""
    for count in MARKS:
        ways = {
            name: [taught(Lesson(RULE, seed=seed, count=count, keys_from_tokens=from_tokens), MARKS[count]) for seed in seeds]
            for name, from_tokens in ((NONE, False), ("keys_from_tokens", True))
        }
        tell("growth_error", ways, experts=float(count))


def breaking(seeds: Sequence[int], _reading: Reading) -> None:
    """Nobody breaks, three do and stay silent, three do and are made anew: of the error with silent ones."""
    tell("growth_error", {name: [broken(name, seed) for seed in seeds] for name in (NONE, "renewed", "nobody_broke")}, experts=8.0)


def broken(way: str, seed: int) -> Errors:
    """The error after each number of windows."""
    lesson = Lesson(RULE, seed=seed).teach(BREAK)
    if way != "nobody_broke":
        lesson.mixture.layer.settle()
        for expert in BROKEN:
            lesson.rows.rows_ER[expert].fill_(float("nan"))
    lesson.teach(LOOK - BREAK)
    at_look = lesson.error()
    if way == "renewed":
        lesson.mixture.renew(lesson.taught.chosen_NK)
    return {LOOK: at_look, **taught(lesson, [mark - LOOK for mark in AFTER_BREAK[1:]], begun=LOOK)}


def few(seeds: Sequence[int], _reading: Reading) -> None:
    """All at once, and from few: error, and rows that came to the device in all."""
    moved = {NONE: list[float](), "few": list[float]()}
    ways: dict[str, list[Errors]] = {NONE: [], "few": []}
    for way, of_seeds in ways.items():
        for seed in seeds:
            lesson = Lesson(RULE, seed=seed)
            of_seeds.append(grown(lesson, MARKS[8]) if way == "few" else taught(lesson, MARKS[8]))
            mover = lesson.mixture.layer.mover
            moved[way].append(mover.traffic.bytes_in / lesson.mixture.layer.sizes.row_bytes)
        say("growth_rows_moved", mean_of(moved[way]).value, "rows", way=way, windows=MARKS[8][-1])
    tell("growth_error", ways, experts=8.0)


def grown(lesson: Lesson, marks: Sequence[int]) -> Errors:
    """Taught from few on."""
    errors, done = dict[int, float](), 0
    lesson.mixture.handicap_E[FEW:] = torch.inf
    for stop in sorted({*marks, *range(EVERY, marks[-1], EVERY)}):
        lesson.teach(stop - done)
        done = stop
        if stop in marks:
            errors[stop] = lesson.error()
        if not stop % EVERY:
            lesson.mixture.renew(lesson.taught.chosen_NK)
    return errors


def messages(seeds: Sequence[int], _reading: Reading) -> None:
    """Each expert learns from its own answer's error; from the joint one's; from half of both."""
    ways = {NONE: [taught(Lesson(RULE, seed=seed), MARKS[8]) for seed in seeds]}
    for name, own in TOLD.items():
        with told(own):
            ways[f"messages_{name}"] = [taught(Lesson(RULE, seed=seed), MARKS[8]) for seed in seeds]
    tell("growth_error", ways, experts=8.0)


@contextmanager
def told(own: float) -> Iterator[None]:
    """Experts hear what the others answered: of their own distance from the joint answer, `own` counts."""

    def errors(gradient_ND: Tensor, off_NKD: Tensor, pull: Tensor) -> Tensor:
        return gradient_ND.unsqueeze(1) + own * pull * off_NKD

    with patch.object(credit, "errors", errors):
        yield


def levels(seeds: Sequence[int], _reading: Reading) -> None:
    """One level, and two."""
    ways = {NONE: [taught(Lesson(RULE, seed=seed), MARKS[8]) for seed in seeds], "levels": list[Errors]()}
    for seed in seeds:
        lesson = Lesson(RULE, seed=seed)
        lesson.mixture.shared.router.forward = _in_groups(lesson.mixture.shared.router)
        ways["levels"].append(taught(lesson, MARKS[8]))
    tell("growth_error", ways, experts=8.0)


def _in_groups(router: Router) -> Any:
    flat = router.forward
    return lambda x_ND: _Grouped(flat(x_ND), router.count)


class _Grouped:
    """Both experts of a token are of one group: that of the best of all."""

    def __init__(self, scores: Scores, count: int) -> None:
        self._scores, self._count = scores, count

    def choose(self, handicap_E: Tensor, active: int) -> Tensor:
        best_N1 = self._scores.choose(handicap_E, 1)
        size = self._count // GROUPS
        own_NS = best_N1 // size * size + torch.arange(size)
        return own_NS.gather(1, (self.of(own_NS).detach() - handicap_E[own_NS]).topk(active, dim=1).indices)

    def of(self, chosen_NK: Tensor) -> Tensor:
        return self._scores.of(chosen_NK)


def language(seeds: Sequence[int], reading: Reading) -> None:
    """All that a language model can be told to do, or be made to."""
    steps, cache = reading.steps, reading.cache
    marks = (steps // 4, steps // 2, steps)
    losses = {NONE: [read({}, seed, marks, cache) for seed in seeds]}
    losses["keys_from_tokens"] = [read({"keysFromTokens": True}, seed, marks, cache) for seed in seeds]
    losses["few"] = [read({"renewEvery": max(1, steps // 8)}, seed, marks, cache, begin=4) for seed in seeds]
    for name, own in TOLD.items():
        with told(own):
            losses[f"messages_{name}"] = [read({}, seed, marks, cache) for seed in seeds]
    tell("growth_language", losses)


def read(mixture: Mapping[str, Any], seed: int, marks: Sequence[int], cache: Path, *, begin: int | None = None) -> Errors:
    """The loss after each number of steps; only `begin` experts are there at first."""
    pupil = Pupil(mixture, [PYTHON], cache, steps=marks[-1], seed=seed)
    _hide(pupil.trainer.mixture, begin)
    with redirect_stdout(sys.stderr):  # a rank says in its log whom it makes anew
        return {mark: pupil.learn(mark - pupil.step).loss() for mark in marks}


def _hide(mixture: Mixture, begin: int | None) -> None:
    if begin is not None:
        mixture.handicap_E[begin:] = torch.inf


def taught(lesson: Lesson, marks: Sequence[int], *, begun: int = 0) -> Errors:
    """The error after each number of windows more; told by all windows, `begun` before these included."""
    errors, done = dict[int, float](), 0
    for mark in marks:
        errors[begun + mark] = lesson.teach(mark - done).error()
        done = mark
    return errors


def tell(metric: str, ways: Mapping[str, Sequence[Errors]], **beside: float) -> None:
    """Each way, and what it has of the error of none, from the same seeds."""
    of_language = metric == "growth_language"
    unit, counted = ("nats a token", "steps") if of_language else ("of the variance", "windows")
    for way, of_seeds in ways.items():
        for mark in of_seeds[0]:
            told_of = mean_of([each[mark] for each in of_seeds])
            pairs = [(own[mark], none[mark]) for own, none in zip(of_seeds, ways[NONE], strict=True)]
            of_none = mean_of([own - none if of_language else own / none for own, none in pairs])
            compared = {"of_none": of_none.value, "of_none_low": of_none.low, "of_none_high": of_none.high} if way != NONE else {}
            say(metric, told_of.value, unit, way=way, **{counted: mark}, **beside, **compared, **told_of.beside)


PARTS = {"start": start, "breaking": breaking, "few": few, "messages": messages, "levels": levels, "language": language}


if __name__ == "__main__":
    main()
