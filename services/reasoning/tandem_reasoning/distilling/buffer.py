"""What one round of distillation teaches: all lessons there are, as many rehearsals, in which all classes take turns, and crosses.

Half of what is taught is rehearsal, since a model that is shown nothing but what it does not know forgets what it does. Where too
little is known to rehearse, all of it comes again, each question as often as any other: one that is repeated hundreds of times, because
it is the only one of its class, would be learned by heart and keep nothing else alive. Different questions are what keeps a class: where
199 words were rehearsed to sort, sorting others lost 5 points; where 487 were, none. Of classes that are not taught, habits are rehearsed,
too. A round before all this kept 3 of 11 names that nobody rehearsed, rounds after it 6 to 9: what stands by itself is forgotten first.
So as many new questions are made of what is rehearsed, and what the model says to them by itself is rehearsed, too (`crossing`).

A class that the cloud lane answers wrongly more often than rightly, where labels tell, is not taught at all. What it had right there it
had by luck, and by luck's answers a model learns nothing but to answer at random what is asked in the same words.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import cycle, islice, zip_longest

from tandem_reasoning.distilling.canary import SHARE, Kept, kept, kept_back
from tandem_reasoning.distilling.crossing import crosses
from tandem_reasoning.distilling.samples import Sample, Use, habit, sample
from tandem_reasoning.distilling.teacher import Teacher
from tandem_reasoning.report.line import Line
from tandem_reasoning.report.sides import Sides
from tandem_reasoning.values import Question

LEAST = 300
"""Lessons before a round is worth while: with 399 the measured prototype brought a class from 0 to 89 %."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Buffer:
    """What has come together.

    Attributes:
        lessons: What is new to the local model.
        rehearsals: What it knows, and its habits; as many as there are lessons, fewer different ones where it knows less. None where it
            knows nothing, or without lessons.
        crosses: Questions that nobody asked, as many as there are lessons if so many can be made: what the local model says to them by
            itself is rehearsed, too.
        canary: Questions that are kept back.
        recalled: Questions that are left out, because something that was recalled was in sight.
        unknown: Classes that are not taught, because the cloud lane does not know them either.
    """

    lessons: tuple[Sample, ...]
    rehearsals: tuple[Sample, ...]
    crosses: tuple[Question, ...]
    canary: tuple[Kept, ...]
    recalled: int
    unknown: tuple[str, ...] = ()

    @property
    def taught(self) -> tuple[Sample, ...]:
        """Lessons and rehearsals by turns."""
        pairs = zip_longest(self.lessons, self.rehearsals)
        return tuple(each for pair in pairs for each in pair if each is not None)


def filled(lines: Iterable[Line], sides: Sides, *, share: float = SHARE) -> Buffer:
    """The buffer of a run.

    Args:
        lines: Its questions.
        sides: Whose each lane is.
        share: Of questions that are kept back, 0 to 1.
    """
    canary, samples, habits, teacher, recalled = list[Kept](), list[Sample](), list[Sample](), Teacher(), 0
    for line in lines:
        recalled += line.done and line.recalled is True
        if kept_back(line.of.question, share):
            canary += filter(None, [kept(line, sides)])
            continue
        teacher.heard(line, sides)
        found = sample(line, sides)
        samples += filter(None, [found])
        if found is None or found.use is not Use.REHEARSAL:
            habits += filter(None, [habit(line, sides)])
    unknown = teacher.unknown
    lessons = tuple(each for each in samples if each.use is Use.LESSON and each.question.kind not in unknown)
    known = [each for each in samples if each.use is Use.REHEARSAL]
    taught = {each.question.kind for each in lessons}
    kept_up = [each for each in habits if each.question.kind not in taught] if known else []
    rehearsals = rehearsed([*known, *kept_up], len(lessons))
    return Buffer(
        lessons=lessons,
        rehearsals=rehearsals,
        crosses=crosses(rehearsals, lessons, len(lessons), share=share),
        canary=tuple(canary),
        recalled=recalled,
        unknown=tuple(sorted(unknown)),
    )


def rehearsed(known: Sequence[Sample], count: int) -> tuple[Sample, ...]:
    """So many of them: classes take turns until each has had all its questions, and then all over again.

    Of a class they come in an order that has nothing to do with when they came up.

    Args:
        known: What there is to rehearse.
        count: How many are wanted; there are none only where `known` has none.
    """
    by_kind: dict[str, list[Sample]] = {}
    for each in sorted(known, key=_by_chance):
        by_kind.setdefault(each.question.kind, []).append(each)
    turns = zip_longest(*(by_kind[kind] for kind in sorted(by_kind)))
    once = [each for turn in turns for each in turn if each is not None]
    return tuple(islice(cycle(once), count))


def _by_chance(each: Sample) -> bytes:
    return hashlib.sha256(each.question.id.encode("utf-8", "surrogatepass")).digest()
