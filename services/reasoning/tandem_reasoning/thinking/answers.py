"""When two answers are the same: by their final answer in a plain form, and for free text by the words they share.

Short answers are compared letter by letter once case, punctuation, articles and ways to write a number are taken away. Two that are
longer than a line are the same when their words and letter runs point the same way (cosine) and both deny as often, odd or even: "is"
and "is not" share nearly all words. Who is alike to somebody alike is alike, so that groups do not depend on who answered first. This
knows words, not meaning: it would rather keep two wordings of one thought apart than count two thoughts as one.
"""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

ALIKE = 0.6  # misspelt and reworded sentences lie above, different statements about one subject below; see the tests
_SHORT = 12  # words; longer ones are free text
_RUN = 3  # letters in a row: stems and endings
_DIGITS = 28  # characters of a number, as many as decimals are exact to; longer ones stay text

# every part is bounded: a model that repeats one sign for thousands of tokens must not make a search quadratic
_FINAL = re.compile(
    r"^[^\w\n]{0,16}(?:the\s{1,4})?(?:final\s{1,4})?answer[^\w\n]{0,8}?(?:[:=]|\s{1,4}is\b)[\s:*]{0,8}(?P<said>\S.*)$",
    re.IGNORECASE | re.MULTILINE,
)
_BOXED = re.compile(r"\\boxed\{(?P<said>[^{}]+)\}")
_NUMBER = re.compile(r"[-+]?(?:(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+)")
_BEFORE = "\"'`*_()[]{}<>|,;:!?\u2018\u2019\u201c\u201d$\u20ac\u00a3"
_AFTER = _BEFORE + "."  # a point before digits belongs to the number
_DENIALS = frozenset({"cannot", "neither", "never", "no", "nor", "not"})
_ARTICLES = frozenset({"a", "an", "the"})


def final(text: str) -> str:
    """What a reply says in the end: its last 'Answer: ...' line, else its last boxed formula, else all of it."""
    for pattern in (_FINAL, _BOXED):
        if found := pattern.findall(text):
            return found[-1].strip()
    return text.strip()


def reasoning(reply: str) -> tuple[str, ...]:
    """The lines of a reply that lead to its final answer; none when it names no final answer, so that all of it is one."""
    before = _BOXED.sub("", _FINAL.sub("", reply))
    return tuple(line.strip() for line in before.splitlines() if line.strip()) if before != reply else ()


def normalised(text: str) -> str:
    """The plain form of `text`: two answers with the same one are the same."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    plain = folded.replace("\N{MINUS SIGN}", "-")
    words = [_word(word) for word in plain.split()]
    kept = [word for word in words if word]
    return " ".join([word for word in kept if word not in _ARTICLES] or kept)


def keyed(replies: Sequence[str], *, alike: float = ALIKE) -> tuple[str, ...]:
    """For each reply a text that stands for its answer: the same text for the same answer, whoever gave it.

    It is empty for a reply that says nothing; such a reply has no vote.

    Args:
        replies: What the experts wrote.
        alike: Cosine from which on two free texts are one answer, 0 to 1.
    """
    plain = [normalised(final(reply)) for reply in replies]
    different = sorted(set(plain))
    spoken = {text: _counts(text) for text in different if len(text.split()) > _SHORT}
    stands = {text: text for text in different}
    for place, one in enumerate(different):
        for other in different[:place]:
            if one in spoken and other in spoken and _denied(one) == _denied(other) and cosine(spoken[one], spoken[other]) >= alike:
                _join(stands, stands[one], stands[other])
    return tuple(stands[text] for text in plain)


def same(replies: Sequence[str]) -> bool:
    """Whether all replies give one answer."""
    return len({*keyed(replies)}) == 1


def right(reply: str, answer: str) -> bool:
    """Whether a reply's final answer is `answer`."""
    return normalised(final(reply)) == normalised(answer)


def cosine(one: Counter[str], other: Counter[str]) -> float:
    """Cosine between two texts by what occurs in them, 0 to 1; 0 when one is empty."""
    length = math.sqrt(sum(count * count for count in one.values()) * sum(count * count for count in other.values()))
    return min(1.0, sum(count * other[feature] for feature, count in one.items()) / length) if length else 0.0


def _word(word: str) -> str:
    """A word without punctuation around it; a number in the one way in which all spell it."""
    bare = word.lstrip(_BEFORE).rstrip(_AFTER)
    return _number(bare) if _NUMBER.fullmatch(bare) and len(bare) <= _DIGITS else bare


def _number(text: str) -> str:
    value = Decimal(text.replace(",", "")).normalize()
    return f"{value:f}" if value else "0"


def _denied(text: str) -> bool:
    """Whether a plain text denies an odd number of times."""
    return sum(word in _DENIALS or word.endswith(("n't", "n\u2019t")) for word in text.split()) % 2 == 1


def _counts(text: str) -> Counter[str]:
    """Words and letter runs of a text, and how often each occurs."""
    return Counter(text.split()) + Counter(text[place : place + _RUN] for place in range(len(text) - _RUN + 1))


def _join(stands: dict[str, str], one: str, other: str) -> None:
    """Let both groups stand for the first text of both."""
    kept, dropped = min(one, other), max(one, other)
    for text, leader in stands.items():
        if leader == dropped:
            stands[text] = kept
