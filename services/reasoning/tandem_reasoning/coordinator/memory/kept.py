"""What the shared memory is told of an answered question: one record, and what each record that was shown for it was good for. Pure.

Both go into the outbox of the ledger with the outcome, in one transaction, under keys by which the memory knows them again: so each
gets there once, whoever is killed in between.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from tandem.memory.v1 import memory_pb2 as memory
from tandem_memory.client import Record, Verified

from tandem_reasoning.coordinator.job import Keeping, MemoryJob
from tandem_reasoning.coordinator.memory.found import Found, digest, of_run
from tandem_reasoning.ledger import Memory
from tandem_reasoning.routing.remembering.admission import Admission, Proposed, admitted
from tandem_reasoning.thinking.answers import normalised
from tandem_reasoning.thinking.notes import CHARACTERS
from tandem_reasoning.thinking.steps import cut
from tandem_reasoning.values import NANO_USD, Question

RECORD, GAIN = "record/", "gain/"  # what the keys of the outbox begin with
_BEWARE = "Beware: "


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What is known of an answer.

    Attributes:
        run_uid: Identity of the run.
        question: What was asked, and its label.
        answer: The answer that counts.
        lane: Whose it is.
        model: That lane's.
        agreement: Part of the voters that agree with it; None when one alone was asked.
        voters: How many there were.
        lanes_agree: Whether two lanes gave the same answer; None when one was asked.
        right: Whether it is the label; None without one.
        strategy: How it was come by.
        cost_nano: Of all calls for it, nano-dollars.
        found: What the memory had for it, of all steps.
    """

    run_uid: str
    question: Question
    answer: str
    lane: str
    model: str
    agreement: float | None
    voters: int
    lanes_agree: bool | None
    right: bool | None
    strategy: Sequence[str]
    cost_nano: int
    found: Sequence[Found]


def record(said: Said, manner: MemoryJob) -> Memory:
    """The record of an answer, whoever vouches for it; recalled it is only where somebody does."""
    admission = _admission(said, manner)
    pitfall = admission.pitfall and manner.keeping is Keeping.VOUCHED
    strategy = [_warned(each) for each in said.strategy] if pitfall else list(said.strategy)
    silent = pitfall and not strategy  # what to beware of is not known: there is nothing to show
    made = Record(
        question=said.question.text,
        answer="" if pitfall else said.answer,
        strategy=strategy,
        source=said.lane,
        score=said.agreement if said.right is None else float(said.right),
        agreement=said.agreement,
        verified=Verified.NONE if silent else Verified(admission.verified),
        cost_usd=Decimal(said.cost_nano) / NANO_USD,
        model=said.model,
        tags=[of_run(said.run_uid), *([f"kind:{said.question.kind}"] if said.question.kind else [])],
        source_hash=digest(said.run_uid, said.question.text),
        key=_name(said.run_uid, said.question.id),
    )
    return Memory(key=RECORD + said.question.id, record=made.message().SerializeToString())


def gain(said: Said, shown: Found, worth: float) -> Memory:
    """What a record that was shown was good for."""
    key = _name(said.run_uid, said.question.id, shown.id)
    judged = memory.Judged(id=shown.id, gain=worth, source=said.lane, key=key)
    return Memory(key=f"{GAIN}{said.question.id}/{shown.id}", record=judged.SerializeToString())


def _admission(said: Said, manner: MemoryJob) -> Admission:
    voters, agreement = said.voters, said.agreement
    if agreement is None:  # one call of a lane: another lane that says the same vouches for it
        voters, agreement = (2, 1.0) if said.lanes_agree else (1, 1.0)
    same = [each.similarity for each in said.found if each.answer and normalised(each.answer) == normalised(said.answer)]
    proposed = Proposed(agreement=agreement, voters=voters, label_right=said.right, nearest=max(same, default=None))
    return admitted(proposed, least_agreement=manner.least_agreement)


def _warned(item: str) -> str:
    return item if item.startswith(_BEWARE) else _BEWARE + cut(item, CHARACTERS - len(_BEWARE))


def _name(*parts: str) -> str:
    """A key of 64 characters: ids may be longer than the memory takes."""
    digested = hashlib.sha256()
    for each in parts:
        encoded = each.encode("utf-8", "surrogatepass")
        digested.update(len(encoded).to_bytes(8, "big") + encoded)
    return digested.hexdigest()
