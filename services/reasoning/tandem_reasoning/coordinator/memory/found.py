"""Which of the records that a search found a step is shown, and how they are kept in the books. Pure."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from tandem_memory.client import Filter, Hit, Verified

from tandem_reasoning.coordinator.job import Keeping, MemoryJob
from tandem_reasoning.thinking.answers import normalised

SAME = 0.97  # cosine from which on two questions are one, as in routing.remembering.admission
SPARE = 4  # found beyond what is shown, for those that are left out here
_VOUCHED = (Verified.LABEL, Verified.JUDGE, Verified.AGREEMENT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A record for a question.

    Attributes:
        id: Its id in the memory.
        question: What was asked then; empty where it was another question.
        answer: What was answered; likewise, and where only what to beware of was kept.
        strategy: Short items that say how, or what to beware of.
        source: Whose it is.
        similarity: Cosine to the question at hand.
    """

    id: str
    question: str
    answer: str
    strategy: tuple[str, ...]
    source: str
    similarity: float


def digest(run_uid: str, question: str) -> str:
    """Of a question in a run: case, punctuation and its id make no difference, the run does."""
    return hashlib.sha256(f"{run_uid}\n{normalised(question)}".encode("utf-8", "surrogatepass")).hexdigest()


def of_run(run_uid: str) -> str:
    """Tag of all records that a run wrote."""
    return f"run:{run_uid}"


def wanted(manner: MemoryJob, run_uid: str, question: str) -> Filter:
    """Which records the memory is asked for: none of this question of this run, and none that did harm or that nobody vouches for."""
    if manner.keeping is Keeping.ALL:
        return Filter(not_source_hash=digest(run_uid, question))
    return Filter(not_source_hash=digest(run_uid, question), verified=_VOUCHED, min_utility=0.0)


def chosen(hits: Iterable[Hit], manner: MemoryJob, run_uid: str) -> tuple[Found, ...]:
    """Those that are shown, nearest first: of the same question the answer, of one that is merely alike how it was come by.

    Strategies carry over to other questions, answers do not (ReasoningBank, arXiv 2509.25140).
    """
    shown = [_shown(hit, manner) for hit in hits if hit.similarity >= manner.least_similarity and _may_be_shown(hit, manner, run_uid)]
    return tuple([each for each in shown if each.answer or each.strategy][: manner.top_k])


def _may_be_shown(hit: Hit, manner: MemoryJob, run_uid: str) -> bool:
    """Not the same question of this run in other words, and nothing that too few agreed on."""
    record = hit.record
    if hit.similarity >= SAME and of_run(run_uid) in record.tags:
        return False
    if manner.keeping is Keeping.VOUCHED and record.verified is Verified.AGREEMENT:
        return (record.agreement or 0.0) >= manner.least_agreement
    return True


def _shown(hit: Hit, manner: MemoryJob) -> Found:
    record, same = hit.record, hit.similarity >= manner.answer_similarity
    return Found(
        id=record.id,
        question=record.question if same else "",
        answer=record.answer if same else "",
        strategy=tuple(record.strategy),
        source=record.source,
        similarity=round(hit.similarity, 6),
    )


AWAY = "null"
"""As the books keep it that the memory could not be asked."""


def written(found: Sequence[Found]) -> str:
    """As the books keep them."""
    return json.dumps([asdict(each) for each in found])


def read(records: str) -> tuple[Found, ...]:
    """What `written` wrote; none where the memory was away."""
    told: list[dict[str, Any]] = json.loads(records) or []
    return tuple(replace(Found(**each), strategy=tuple(each["strategy"])) for each in told)
