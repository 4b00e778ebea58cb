"""Questions that nobody asked, made of those that the local model knows: the beginning of one and the end of another.

A model forgets what nobody rehearses, and of most of what it knows nobody asked. So it is asked, before it is taught, what it says to
strangers of the kind it knows, and goes on saying that, right or wrong: pseudo-rehearsal (Robins 1995, "Catastrophic forgetting, rehearsal
and pseudorehearsal"), with text in place of noise, as Huang et al. do it (self-synthesized rehearsal, arXiv 2403.01244), but without a
model that must be able to invent questions. Of names that were neither rehearsed nor kept back to judge by, rounds of a tiny model kept
12 of 19 without them (two splits) and 27 of 28 with them (these and a third); of all 63 names there are, its experts lost 5 in a round
without them, 2 and 3 in two rounds with them. Averages of old and new weights (WiSE-FT, arXiv 2109.01903) kept all names only where nine
tenths of what was new were gone; to hold on to the old model's likelihoods beside them gained nothing more in a trial.

Two questions are crossed where they differ: after their common beginning and before their common end, at the same part of the way, and
between words where both have several. Nothing that is kept back to judge by is ever made.
"""

from collections.abc import Iterator, Sequence
from itertools import islice, product, takewhile, zip_longest

from tandem_reasoning.distilling.canary import SHARE, kept_back
from tandem_reasoning.distilling.samples import Sample
from tandem_reasoning.routing.draws import uniform
from tandem_reasoning.thinking.answers import normalised
from tandem_reasoning.values import Question

_MATES = 4  # drawn for each question, of which the one most like it is taken: two that have nothing in common make no sense together
_ROUNDS = 32  # in which each question is crossed once; of two names of five letters hardly anything new comes after ten


def crosses(known: Sequence[Sample], lessons: Sequence[Sample], count: int, *, share: float = SHARE) -> tuple[Question, ...]:
    """So many different questions, fewer where no more can be made; classes take turns, and the same samples make the same ones.

    What lies nearest to a lesson is not made: there the model is to learn something new, not to go on as it was.

    Args:
        known: What is rehearsed, each question once or more.
        lessons: What is new.
        count: How many are wanted.
        share: Of questions that are kept back, 0 to 1.
    """
    texts = {each.question.id: each.question for each in known}
    taught: dict[str, list[Question]] = {}
    for each in lessons:
        taught.setdefault(each.question.kind, []).append(each.question)
    by_kind: dict[str, list[Question]] = {}
    for each in texts.values():
        by_kind.setdefault(each.kind, []).append(each)
    seen = {normalised(each.question.text) for each in (*known, *lessons)}
    made = (_of_kind(by_kind[kind], taught.get(kind, []), seen, share) for kind in sorted(by_kind))
    turns = (each for turn in zip_longest(*made) for each in turn if each is not None)
    return tuple(Question(id=f"cross-{number}", text=text, kind=kind) for number, (text, kind) in enumerate(islice(turns, count)))


def crossed(first: str, second: str, place: float) -> str:
    """The beginning of one text and the end of another.

    Args:
        first: Whose beginning.
        second: Whose end.
        place: How much of what they differ in comes from the first, 0 to 1.
    """
    begun = _begun(first, second)
    ended = _begun(first[begun:][::-1], second[begun:][::-1])
    until = len(first) - ended
    mine, others = first[begun:until], second[begun : len(second) - ended]
    between = " " if " " in mine and " " in others else ""
    left, right = (text.split(between) if between else [*text] for text in (mine, others))
    parts = [*left[: round(place * len(left))], *right[round(place * len(right)) :]]
    return first[:begun] + between.join(parts) + first[until:]


def _of_kind(known: Sequence[Question], lessons: Sequence[Question], seen: set[str], share: float) -> Iterator[tuple[str, str]]:
    """Texts and their class, as long as new ones come; what is made is added to `seen`."""
    asked = [*known, *lessons]
    for turn, each in product(range(_ROUNDS), known):
        mate = _mate(each, asked, turn)
        if mate >= len(known):
            continue
        text = crossed(each.text, known[mate].text, uniform("", f"{turn} {each.text}", "place"))
        plain = normalised(text)
        if plain and plain not in seen and not kept_back(Question(id="", text=text), share):
            seen.add(plain)
            yield text, each.kind


def _mate(of: Question, others: Sequence[Question], turn: int) -> int:
    """Of some that are drawn, the place of the one that has most of its beginning and end in common."""
    drawn = (int(uniform("", f"{turn} {number} {of.text}", "mate") * len(others)) for number in range(_MATES))
    return max(drawn, key=lambda place: _alike(of.text, others[place].text))


def _alike(first: str, second: str) -> int:
    return _begun(first, second) + _begun(first[::-1], second[::-1])


def _begun(first: str, second: str) -> int:
    """Characters that both begin with."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(first, second, strict=False)))
