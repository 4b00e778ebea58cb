"""Answered items for tests: small ones by hand, and whole runs drawn from a seed."""

from collections import Counter

import numpy as np
from tandem_reasoning.scores.answered import Answered, Recall

EXPERTS = 8


def run(items: int, *, seed: int = 0, labelled: bool = True, telling: bool = True) -> list[Answered]:
    """A run over questions of differing difficulty.

    Args:
        items: How many questions.
        seed: Of what experts say.
        labelled: Whether right answers are known.
        telling: Whether experts agree more on what they have right; else the label has nothing to do with them.
    """
    generator = np.random.default_rng(seed)
    return [_item(generator, labelled=labelled, telling=telling) for _ in range(items)]


def _item(generator: np.random.Generator, *, labelled: bool, telling: bool) -> Answered:
    skill, best = generator.random(), str(generator.integers(50))
    answers = [best if generator.random() < skill else str(generator.integers(50)) for _ in range(EXPERTS)]
    vote = Counter(answers).most_common(1)[0][0]
    label = best if telling else vote if generator.random() < 0.5 else "other"
    return Answered(
        taken=vote,
        answers=answers,
        earlier=[answer if generator.random() < 0.7 else "changed" for answer in answers],
        vote=vote,
        greedy=answers[0],
        local=answers[1],
        cloud=best,
        by_cloud=False,
        label=label if labelled else None,
        recall=Recall(shown=bool(generator.random() < 0.95)),
    )
