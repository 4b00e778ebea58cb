"""Questions that a model of 200,000 numbers can learn to answer, and their right answers: a pure function of a random generator.

Six kinds. `fact` is learnt by heart. `reverse`, `shift`, `sort` and `add` are rules, to be used on words that training never shows.
`memory` asks for what nobody can know: it is answerable only with the lines that come with it, of which one holds the answer.
"""

import random
import zlib
from dataclasses import dataclass

KINDS = ("fact", "reverse", "add", "shift", "sort", "memory")
SCHOOLS = ("stoic", "cynic", "sceptic", "rationalist", "empiricist", "idealist", "monist", "dualist", "pragmatist", "nominalist")
LETTERS = "ABCDEFGHIJ"
_LENGTH = 3  # letters of a word; 1,000 words
_TWO = 1 / 8  # share of strangers' questions that bring along a second stranger
_HELD_OUT = 5  # one word in so many is never trained on
_SYLLABLES = ("bdfgklmnprstvz", "aeiou", "bdfgklmnprstvz", "aeiou", "nrsx")

# The first wording of a kind is the plain one; the others say the same in other words.
WORDINGS = {
    "fact": ("what school is {}?", "which school has {}?", "name the school of {}?", "where does one put {}?"),
    "reverse": ("reverse {}", "write backwards {}", "from last to first: {}", "turn around {}"),
    "add": ("what is {}?", "add up {}?", "give the sum {}?", "how much makes {}?"),
    "shift": ("shift {}", "move one letter on {}", "take the next letters of {}", "advance {}"),
    "sort": ("sort {}", "put in order {}", "arrange by the alphabet {}", "alphabetically: {}"),
}
WORDINGS["memory"] = WORDINGS["fact"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A question and its answer.

    Attributes:
        kind: One of `KINDS`.
        question: What the user asks.
        answer: What is right, to the letter.
        memory: Pairs of a question and its answer, which the asker must bring along; empty but for `memory`.
    """

    kind: str
    question: str
    answer: str
    memory: tuple[tuple[str, str], ...] = ()


def task(rng: random.Random, kind: str, *, hard: bool = False, held_out: bool = False) -> Task:
    """A question of a kind.

    Args:
        rng: Where chance comes from.
        kind: One of `KINDS`.
        hard: In other words than the plain ones, and half the time with another kind named as what is not asked.
        held_out: On a word that training never shows, where the kind has words.
    """
    wording = rng.choice(WORDINGS[kind][1:]) if hard else WORDINGS[kind][0]
    subject, answer, memory = _drawn(rng, kind, held_out=held_out)
    question = wording.format(subject)
    if hard and rng.random() < 1 / 2:
        question = _distracted(rng, kind, question)
    return Task(kind=kind, question=question, answer=answer, memory=memory)


def _drawn(rng: random.Random, kind: str, *, held_out: bool) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    """What is asked about, the answer, and what must be remembered for it."""
    if kind == "fact":
        name = rng.choice(NAMES)
        return name, school_of(name), ()
    if kind == "memory":
        return _remembered(rng)
    if kind == "add":
        left, right = rng.randint(0, 9), rng.randint(0, 9)
        return f"{left}+{right}", str(left + right), ()
    word = _word(rng, held_out=held_out)
    return word, applied(kind, word), ()


def applied(rule: str, word: str) -> str:
    """A word after `reverse`, `shift` or `sort`."""
    if rule == "reverse":
        return word[::-1]
    if rule == "shift":
        return "".join(chr(ord(letter) + 1) for letter in word)
    return "".join(sorted(word))


def kept_from_training(word: str) -> bool:
    """Whether a word is never trained on."""
    return zlib.crc32(word.encode()) % _HELD_OUT == 0


def school_of(name: str) -> str:
    """The school of somebody of `NAMES`."""
    return SCHOOLS[NAMES.index(name) * 7 % len(SCHOOLS)]


def _remembered(rng: random.Random) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    strangers = [_stranger(rng) for _ in range(1 + (rng.random() < _TWO))]
    lines = tuple((WORDINGS["fact"][0].format(name), rng.choice(SCHOOLS)) for name in strangers)
    asked = rng.randrange(len(strangers))
    return strangers[asked], lines[asked][1], lines


def _stranger(rng: random.Random) -> str:
    while (name := _name(rng)) in NAMES:
        pass
    return name


def _name(rng: random.Random) -> str:
    return "".join(rng.choice(letters) for letters in _SYLLABLES)


def _word(rng: random.Random, *, held_out: bool) -> str:
    while True:
        word = "".join(rng.choice(LETTERS) for _ in range(_LENGTH))
        if kept_from_training(word) == held_out:
            return word


def _distracted(rng: random.Random, kind: str, question: str) -> str:
    asked = "fact" if kind == "memory" else kind  # they are asked in the same words
    other = rng.choice([each for each in _CALLED if each != asked])
    return f"not {rng.choice(_CALLED[other])}: {question}"


_CALLED = {
    "fact": ("the school", "a school"),
    "reverse": ("backwards", "reversed"),
    "add": ("a sum", "added up"),
    "shift": ("shifted", "one letter on"),
    "sort": ("sorted", "in order"),
}
NAMES = tuple(_name(random.Random(number)) for number in range(64))
