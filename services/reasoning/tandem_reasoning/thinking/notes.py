"""What the shared memory keeps of how an answer was come by: at most three short items, never a transcript.

Strategies carry over to other questions, transcripts do not, and what is short costs little to show again (ReasoningBank, arXiv
2509.25140; Agent Workflow Memory, arXiv 2409.07429). What went wrong is kept too, as something to beware of.
"""

import re
from collections.abc import Iterable, Sequence

from tandem_reasoning.thinking.answers import normalised, reasoning
from tandem_reasoning.thinking.steps import cut

ITEMS = 3
CHARACTERS = 120  # of an item: some 30 tokens

_MARKED = re.compile(r"^\W*(?:note|strategy|lesson)\W*?:\s*(?P<item>\S.*)$", re.IGNORECASE)
_LISTED = re.compile(r"^\s*(?:[-*\u2022]|\d{1,2}[.)])\s+(?P<item>\S.*)$")
_SENTENCE = re.compile(r"(?<=[.!?])\s+")


def strategy(replies: Sequence[str], *, failed: bool = False) -> tuple[str, ...]:
    """At most three items of at most 120 characters, from the replies that gave the answer that was taken.

    Lines that begin with 'Note:', 'Strategy:' or 'Lesson:' come first, then items of lists, then first sentences.

    Args:
        replies: The experts' texts, the best first.
        failed: The answer is known to be wrong, so that the items say what to beware of.
    """
    prefix = "Beware: " if failed else ""
    kept: dict[str, str] = {}
    for item in _candidates(replies):
        plain = normalised(item)
        if plain and plain not in kept:
            kept[plain] = prefix + cut(item, CHARACTERS - len(prefix))
    return tuple(kept.values())[:ITEMS]


def _candidates(replies: Sequence[str]) -> Iterable[str]:
    """Items by how likely they say how, not what."""
    told = [reasoning(reply) for reply in replies]
    for pattern in (_MARKED, _LISTED):
        yield from (" ".join(found["item"].split()) for lines in told for line in lines if (found := pattern.match(line)))
    for lines in told:
        plain = " ".join(line for line in lines if not _MARKED.match(line) and not _LISTED.match(line))
        yield _SENTENCE.split(" ".join(plain.split()))[0]
