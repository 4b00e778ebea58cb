"""How rows become values again, wherever they are read."""

from typing import Any

from tandem_reasoning.ledger.values import Decision, Outcome, Recollection
from tandem_reasoning.values import Call, CallPlace, Question, Usage

CALL = """
    SELECT key, id, step, expert, sample, lane, input_tokens, output_tokens, cost_nano, seconds, memory_version, call.answer, number
    FROM call JOIN question USING (position)
"""
RECORDED = CALL + " WHERE key = ?"
RECOLLECTION = "SELECT number, step, shown, records FROM recollection"


def call_of(row: tuple[Any, ...]) -> Call:
    """A row of `CALL`."""
    key, item, step, expert, sample, lane, read, written, cost_nano, seconds, memory_version, answer, _ = row
    return Call(
        key=key,
        place=CallPlace(item=item, step=step, expert=expert, sample=sample),
        lane=lane,
        answer=answer,
        usage=Usage(input_tokens=read, output_tokens=written),
        cost_nano=cost_nano,
        seconds=seconds,
        memory_version=memory_version,
    )


def question_of(row: tuple[Any, ...]) -> Question:
    """Columns id, text, answer and kind of a question."""
    name, text, answer, kind = row
    return Question(id=name, text=text, answer=answer, kind=kind)


def outcome_of(row: tuple[Any, ...]) -> Outcome:
    """Columns answer, lane, agreement, policy, choice, propensity and detail of an outcome."""
    answer, lane, agreement, policy, choice, propensity, detail = row
    decision = None if policy is None else Decision(policy=policy, choice=choice, propensity=propensity)
    return Outcome(answer=answer, lane=lane, agreement=agreement, decision=decision, detail=detail)


def recollection_of(row: tuple[Any, ...]) -> Recollection:
    """A row of `RECOLLECTION`."""
    number, step, shown, records = row
    return Recollection(number=number, step=step, shown=bool(shown), records=records)
