"""What is forgotten of one text while others are learned: `python -m tests.bench.experts.continual [--text FILE]... [--plot FILE]`.

Texts are learned one after the other, and nothing is ever shown again: Python source, then C++ headers (those that come with torch),
then English prose (the handbook that comes with Python, in string literals), and after them whatever texts you name. Models learn
equally long, from the same tokens in the same order:

responsibility, hard_equal, local_adam   experts that learn by themselves
end_to_end                               the same experts, but errors go on to router and trunk
dense                                    end to end, with one layer in their place that is as large as the experts that a token sees

All have a trunk (embedding, attention, head) that learns end to end, and it can forget too: what is compared is the whole model.

One JSON line each: {metric, value, unit, model, text, ..., low, high, seeds}; low and high bound the mean nineteen times in twenty.
`continual_forgotten` is the loss on unseen text of a domain at the very end, less what it was when that domain had just been learned;
`all` is the mean over all domains but the last. `continual_left` is the mean loss over all domains at the very end: who learns nothing
forgets nothing, so that both are needed.
"""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tandem_trainer.job import Data

from tests.bench.experts.asking import Parser, at_least, file, picture
from tests.bench.experts.language import ACTIVE, HEADERS, INNER, PROSE, PYTHON, Pupil, insist_on_enough, text
from tests.bench.experts.seeds import mean_of
from tests.bench.memory.line import say

MODELS: Mapping[str, Mapping[str, Any]] = {
    **{rule: {"learningRule": rule} for rule in ("responsibility", "hard_equal", "local_adam", "end_to_end")},
    "dense": {"learningRule": "end_to_end", "count": 1, "active": 1, "innerWidth": ACTIVE * INNER},
}
TEXTS: Mapping[str, Data] = {"python": PYTHON, "headers": HEADERS, "prose": PROSE}
LOOKS = 3  # at every text while one is learned: a curve for the plot
FEWEST = 2  # texts: of the last one nothing can be forgotten


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How one model fared: its loss on each text, in nats a token, at each look from the beginning; `LOOKS` of them a text."""

    looks: Sequence[Sequence[float]]

    @property
    def learned(self) -> Sequence[float]:
        """The loss on each text when it had just been learned."""
        return [self.looks[LOOKS * (number + 1) - 1][number] for number in range(len(self.looks[0]))]

    @property
    def forgotten(self) -> Sequence[float]:
        """By how much the loss on each text but the last had grown in the end."""
        return [end - then for end, then in zip(self.looks[-1], self.learned, strict=True)][:-1]


def main() -> None:
    """Teach all models, tell what they forgot, and draw it where a file is named."""
    asked = (parser := _parser()).parse_args()
    torch.set_num_threads(1)  # products of this size are fastest so
    texts = {**{name: TEXTS[name] for name in asked.texts}, **{path.name: text(path) for path in asked.text}}
    if len(texts) < max(FEWEST, len(asked.texts) + len(asked.text)):
        parser.error(f"--texts, --text: {', '.join(texts) or 'none'}: name {FEWEST} texts or more, none of which is called as another")
    with tempfile.TemporaryDirectory() as cache:
        with parser.refusing():
            insist_on_enough(list(texts.values()), asked.steps, Path(cache))
        courses = {
            name: [course(MODELS[name], list(texts.values()), asked.steps, seed, Path(cache)) for seed in range(asked.seeds)]
            for name in asked.models
        }
    for name, of_seeds in courses.items():
        tell(name, of_seeds, list(texts), asked.steps)
    if asked.plot:
        draw(courses, list(texts), asked.steps, asked.plot)


def course(model: Mapping[str, Any], texts: Sequence[Data], steps: int, seed: int, cache: Path) -> Course:
    """Learn all texts, one after the other, and look at all of them now and then."""
    pupil, looks = Pupil(model, texts, cache, steps=steps, seed=seed), list[list[float]]()
    for look in range(LOOKS * len(texts)):
        whole, part = divmod(look + 1, LOOKS)
        pupil.learn(whole * steps + part * steps // LOOKS - pupil.step)
        looks.append([pupil.loss(number) for number in range(len(texts))])
    return Course(looks=looks)


def tell(name: str, courses: Sequence[Course], texts: Sequence[str], steps: int) -> None:
    """What was forgotten of each text, and of all, and how good the model is at all of them in the end."""
    for number, of_text in enumerate(texts[:-1]):
        told, learned = mean_of([each.forgotten[number] for each in courses]), mean_of([each.learned[number] for each in courses])
        say("continual_forgotten", told.value, "nats a token", model=name, text=of_text, steps=steps, learned=learned.value, **told.beside)
    told = mean_of([sum(each.forgotten) / len(each.forgotten) for each in courses])
    say("continual_forgotten", told.value, "nats a token", model=name, text="all", steps=steps, **told.beside)
    left, last = mean_of([sum(each.looks[-1]) / len(texts) for each in courses]), mean_of([each.learned[-1] for each in courses])
    say("continual_left", left.value, "nats a token", model=name, text="all", steps=steps, last=last.value, **left.beside)


def draw(courses: Mapping[str, Sequence[Course]], texts: Sequence[str], steps: int, into: Path) -> None:
    """The loss on each text, mean of the seeds, while it and the others are learned."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.6 * len(texts), 4.4), dpi=110, layout="constrained")
    at = [(look + 1) * steps / LOOKS for look in range(LOOKS * len(texts))]
    for number, (axes, of_text) in enumerate(zip(figure.subplots(1, len(texts), sharey=True, squeeze=False)[0], texts, strict=True)):
        for name, of_seeds in courses.items():
            means = [mean_of([each.looks[look][number] for each in of_seeds]).value for look in range(len(at))]
            axes.plot(at, means, label=name, marker="o", markersize=3)
        axes.axvspan(number * steps, (number + 1) * steps, color="grey", alpha=0.15, linewidth=0)
        axes.set_title(of_text)
        axes.set_xlabel("optimizer step (grey: while this text is learned)")
        axes.grid(visible=True, alpha=0.3)
        if not number:
            axes.set_ylabel("loss on unseen text, nats a token")
            axes.legend(fontsize="small")
    figure.savefig(into, format="png")


def _parser() -> Parser:
    parser = Parser()
    parser.add_argument("--texts", nargs="*", choices=list(TEXTS), default=list(TEXTS), help="those that come along, in this order")
    parser.add_argument("--text", type=file, action="append", default=[], help="a text of yours, learned after them; may be said again")
    parser.add_argument("--models", nargs="+", choices=list(MODELS), default=list(MODELS))
    parser.add_argument("--plot", type=picture, help="draw all losses into this file, as PNG (needs matplotlib)")
    parser.add_seeds()
    parser.add_argument("--steps", type=at_least(LOOKS), default=300, help="for each text")
    return parser


if __name__ == "__main__":
    main()
