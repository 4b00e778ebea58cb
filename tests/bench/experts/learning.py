"""What learning rules are worth: `python -m tests.bench.experts.learning [mixture] [language] [rates] [--text FILE]`.

mixture     eight kinds of points, a function each, eight experts: the error over points that were never shown, over the variance
language    a small model of sixteen experts on Python source, or on a text of yours: loss and perplexity of what it has not seen
rates       the same two at several learning rates, from a seed of their own: where each rule's rate comes from

One JSON line each: {metric, value, unit, asked, rule, ..., low, high, seeds}; low and high bound the mean nineteen times in twenty.
`times_hard_equal` is how many times smaller the error is than that of the seed experiment's rule, from the same seed.
`language_gap` is to experts that learn end to end, from the same tokens in the same order; `of_gain` beside it is how much the rule has
of what end to end gains over `untaught`: experts that stay as they began, below a trunk that learns. Without it a small gap says little.

Models are tiny: this shows how rules compare, not what a large model would reach.
"""

import math
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from tandem_trainer.experts.learning.rules import RULES
from tandem_trainer.job import Data

from tests.bench.experts.asking import Parser, at_least, file
from tests.bench.experts.language import PYTHON, Pupil, insist_on_enough, text
from tests.bench.experts.seeds import mean_of
from tests.bench.memory.line import say
from tests.trainer_image.experts.kinds import Lesson

WINDOWS = (150, 600, 2400)
TIMES_ASKED, GAP_ASKED = 2.0, 0.05
SEED, BOUND = "hard_equal", "end_to_end"  # the seed experiment's rule, and the upper bound
UNTAUGHT, NOTHING = "untaught", 1e-12  # the rate of experts that learn nothing; zero would say nothing, and the rule's own be taken
TUNED = 100  # the seed that rates are chosen by; figures come from others
OF_DESCENT = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
OF_ADAM = (1e-3, 3e-3, 1e-2, 3e-2)
TIMES_PHASE = {"descent": (30.0, 100.0, 300.0, 1000.0), "adam": (0.3, 1.0, 3.0)}
MIXTURE_RATES: Mapping[str, float] = {
    "hard_equal": 0.2,
    "responsibility": 0.2,
    "local_adam": 3e-3,
    "hebbian": 0.2,
    "oja": 0.2,
    "end_to_end": 3e-3,
}


def main() -> None:
    """Measure what was asked for, or all but the rates."""
    parser = Parser()
    parser.add_parts(("mixture", "language", "rates"))
    parser.add_seeds()
    parser.add_argument("--steps", type=at_least(4), default=400)
    parser.add_argument("--rules", nargs="+", choices=sorted(RULES), default=list(RULES))
    parser.add_argument("--text", type=file, help="a text of yours, for language in place of Python source")
    asked = parser.parse_args()
    source = text(asked.text) if asked.text else PYTHON
    parts = asked.parts or ("mixture", "language")
    torch.set_num_threads(1)  # products of this size are fastest so
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder)
        if not {"rates", "language"}.isdisjoint(parts):
            with parser.refusing():
                insist_on_enough([source], asked.steps, cache)
        if "rates" in parts:
            tell_rates(asked.rules, source, cache, asked.steps)
        if "mixture" in parts:
            tell_mixture(asked.rules, range(asked.seeds))
        if "language" in parts:
            tell_language(asked.rules, source, cache, range(asked.seeds), asked.steps)


def tell_mixture(rules: Sequence[str], seeds: Sequence[int]) -> None:
    """The error of each rule, and how many times smaller it is than the seed rule's."""
    errors = {rule: [mixture_errors(rule, MIXTURE_RATES[rule], seed) for seed in seeds] for rule in rules}
    for rule, of_seeds in errors.items():
        for number, windows in enumerate(WINDOWS):
            told = mean_of([each[number] for each in of_seeds])
            say("mixture_error", told.value, "of the variance", rule=rule, rate=MIXTURE_RATES[rule], windows=windows, **told.beside)
            if SEED in errors and rule != SEED:
                times = mean_of([seed[number] / own[number] for seed, own in zip(errors[SEED], of_seeds, strict=True)])
                asked = TIMES_ASKED if rule == "responsibility" else None
                say("mixture_times_hard_equal", times.value, "times", asked=asked, rule=rule, windows=windows, **times.beside)


def mixture_errors(rule: str, rate: float, seed: int) -> list[float]:
    """The error after each number of windows."""
    lesson, done, errors = Lesson(rule, seed=seed, rate=rate), 0, list[float]()
    for windows in WINDOWS:
        errors.append(lesson.teach(windows - done).error())
        done = windows
    return errors


def tell_language(rules: Sequence[str], source: Data, cache: Path, seeds: Sequence[int], steps: int) -> None:
    """Loss and perplexity of each rule after a quarter, half and all of the steps, and the gap to the bound."""
    marks = (steps // 4, steps // 2, steps)
    losses = {rule: [language_losses(rule, None, source, cache, seed=seed, marks=marks) for seed in seeds] for rule in rules}
    losses[UNTAUGHT] = [language_losses(SEED, NOTHING, source, cache, seed=seed, marks=marks) for seed in seeds]
    for rule, of_seeds in losses.items():
        for number, mark in enumerate(marks):
            told, perplexity = mean_of([each[number] for each in of_seeds]), mean_of([math.exp(each[number]) for each in of_seeds])
            say("language_loss", told.value, "nats a token", rule=rule, steps=mark, perplexity=perplexity.value, **told.beside)
            if BOUND in losses and rule != BOUND:
                _tell_gap(rule, mark, [[each[number] for each in losses[name]] for name in (rule, BOUND, UNTAUGHT)])


def _tell_gap(rule: str, steps: int, losses: Sequence[Sequence[float]]) -> None:
    """How far a rule is from the bound, by its losses, the bound's and those of experts that learn nothing, from the same seeds."""
    gap = mean_of([own / bound - 1 for own, bound, _ in zip(*losses, strict=True)])
    own, bound, untaught = (mean_of(each).value for each in losses)
    beside = {"of_perplexity": math.exp(own - bound) - 1, "of_gain": (untaught - own) / (untaught - bound)}
    say("language_gap", gap.value, "of the loss", asked=GAP_ASKED, rule=rule, steps=steps, **beside, **gap.beside)


def language_losses(rule: str, rate: float | None, source: Data, cache: Path, *, seed: int, marks: Sequence[int]) -> list[float]:
    """The loss after each number of steps."""
    mixture = {"learningRule": rule} if rate is None else {"learningRule": rule, "rate": rate}
    pupil = Pupil(mixture, [source], cache, steps=marks[-1], seed=seed)
    return [pupil.learn(mark - pupil.step).loss() for mark in marks]


def tell_rates(rules: Sequence[str], source: Data, cache: Path, steps: int) -> None:
    """Both tasks at every rate."""
    for rule in rules:
        for rate in OF_ADAM if RULES[rule].moments else OF_DESCENT:
            errors = {f"after_{windows}": error for windows, error in zip(WINDOWS, mixture_errors(rule, rate, TUNED), strict=True)}
            say("mixture_rate", rate, "a window", rule=rule, **errors)
        for rate in TIMES_PHASE["adam" if RULES[rule].moments else "descent"]:
            (loss,) = language_losses(rule, rate, source, cache, seed=TUNED, marks=(steps,))
            say("language_rate", rate, "times the phase's", rule=rule, steps=steps, loss=loss)


if __name__ == "__main__":
    main()
