"""Which items there are, and who gets the next ones."""

from dataclasses import dataclass

from tandem_reasoning.ledger.draft import Draft
from tandem_reasoning.ledger.errors import ChangedQuestionError
from tandem_reasoning.ledger.rows import question_of
from tandem_reasoning.ledger.values import Lease, State
from tandem_reasoning.values import Hold, Question

_READY = "SELECT position FROM item WHERE state = 'ready' AND until <= ? ORDER BY position LIMIT ?"
_LEASE = """
    UPDATE item SET state = 'leased', fence = fence + 1, attempts = attempts + 1, worker = ?, until = ? WHERE position = ?
    RETURNING fence, attempts
"""
_UNHEARD = "SELECT position, fence, attempts FROM item WHERE state = 'leased' AND worker = ?"
_QUESTION = "SELECT id, text, answer, kind FROM question WHERE position = ?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Take in questions, in their order; those that are there already stay where they are."""

    questions: tuple[Question, ...]

    def apply(self, draft: Draft) -> int:
        """How many are new.

        Raises:
            ChangedQuestionError: when one is there, or comes twice, and is not the same.
        """
        new = dict[str, Question]()
        for question in self.questions:
            known = new.get(question.id) or _known(draft, question.id)
            if known is None:
                new[question.id] = question
            elif known != question:
                msg = f"question {question.id!r} is another one than before; give it a new id, or begin a new run"
                raise ChangedQuestionError(msg)
        for each in new.values():
            values = (each.id, each.text, each.answer, each.kind)
            position = draft.insert("INSERT INTO question (id, text, answer, kind) VALUES (?, ?, ?, ?)", *values)
            draft.run("INSERT INTO item (position) VALUES (?)", position)
        draft.move(None, State.READY, number=len(new))
        return len(new)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Hand out items that nobody has.

    Attributes:
        worker: Who asks.
        count: How many at most.
        lease_s: For how long.
        has: When the answer to an earlier claim may have been lost, the items that the worker knows of. What it was given beside
            them is given again, and does not count as another attempt; None when all answers came. Calls that are open for it
            were made by a process of that name that is gone: they are taken to be spent, and are not this one's to make.
    """

    worker: str
    count: int
    lease_s: float
    has: frozenset[str] | None = None

    def apply(self, draft: Draft) -> tuple[Lease, ...]:
        """The leases; none when nothing is to be had now."""
        again = [] if self.has is None else self._unheard(draft, self.has)
        new = [self._leased(draft, position) for (position,) in draft.all(_READY, draft.age, self.count - len(again))]
        if new:
            draft.move(State.READY, State.LEASED, number=len(new))
        return (*again, *new)

    def _unheard(self, draft: Draft, has: frozenset[str]) -> list[Lease]:
        """Renew leases that the worker has and does not know of."""
        leases = {row[0]: self._lease(draft, *row) for row in draft.all(_UNHEARD, self.worker)}
        unheard = [position for position, lease in leases.items() if lease.hold.item not in has][: self.count]
        for position in unheard:
            draft.run("UPDATE item SET until = ? WHERE position = ?", draft.age + self.lease_s, position)
            draft.give_up_calls(position)
        return [leases[position] for position in unheard]

    def _leased(self, draft: Draft, position: int) -> Lease:
        row = draft.one(_LEASE, self.worker, draft.age + self.lease_s, position)
        assert row is not None
        return self._lease(draft, position, *row)

    def _lease(self, draft: Draft, position: int, fence: int, attempts: int) -> Lease:
        row = draft.one(_QUESTION, position)
        assert row is not None
        question = question_of(row)
        hold = Hold(item=question.id, fence=fence)
        return Lease(hold=hold, question=question, until=draft.now + self.lease_s, attempts=attempts)


def _known(draft: Draft, name: str) -> Question | None:
    row = draft.one("SELECT id, text, answer, kind FROM question WHERE id = ?", name)
    return None if row is None else question_of(row)
