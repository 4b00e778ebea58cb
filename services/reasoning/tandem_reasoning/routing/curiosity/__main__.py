"""`python -m tandem_reasoning.routing.curiosity LEDGER --usd 0.50`: what to ask the cloud lane next, as a question set of its own.

One JSON line for each question, the one that teaches most first, as many as the dollars reach for. A run whose policy is Cloud takes
them as its questions; what it answers is what a local model can be trained on.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from decimal import Decimal
from pathlib import Path

from tandem_reasoning.complaint import complain, complain_of
from tandem_reasoning.ledger import LedgerError, Review
from tandem_reasoning.routing.answered import answered
from tandem_reasoning.routing.curiosity.candidates import Groups, candidate
from tandem_reasoning.routing.curiosity.order import Candidate, order
from tandem_reasoning.routing.replay import choice
from tandem_reasoning.values import NANO_USD, Question

_NAME = "curiosity"


def main(argv: Sequence[str] | None = None) -> int:
    """Print them; 2 when the ledger cannot be read, or does not say what an answer costs."""
    parser = argparse.ArgumentParser(prog="python -m tandem_reasoning.routing.curiosity", description="Choose what to ask the cloud lane.")
    parser.add_argument("ledger", type=Path, help="file that the books are kept in, or a snapshot of it")
    parser.add_argument("--usd", type=Decimal, required=True, help="dollars that may be spent on answers")
    parser.add_argument("--answer-usd", type=Decimal, help="what an answer costs; by what the run paid when left out")
    asked = parser.parse_args(argv)
    if asked.usd < 0 or (asked.answer_usd is not None and asked.answer_usd <= 0):
        return complain(_NAME, "--usd is 0 or more, --answer-usd more than 0")
    try:
        with closing(Review(asked.ledger)) as review:
            answer_nano = _paid(review) if asked.answer_usd is None else int(asked.answer_usd * NANO_USD)
            if not answer_nano:
                return complain(_NAME, "no answer of this run cost anything; say with --answer-usd what one costs")
            most = int(asked.usd * NANO_USD) // answer_nano
            chosen, there = _chosen(review, most)
    except LedgerError as error:
        return complain_of(_NAME, error)
    sys.stdout.writelines(f"{json.dumps(each, ensure_ascii=False)}\n" for each in chosen)
    sys.stderr.writelines(f"tandem-reasoning {_NAME}: {each}\n" for each in _why_so_few(len(chosen), there, most))
    return 0


def _why_so_few(chosen: int, there: int, most: int) -> Iterator[str]:
    """What kept more from being chosen, in a line; nothing where the dollars reach for all and there were some."""
    if not there:
        yield "nothing to ask: on no question did the local experts alone answer and disagree"
    elif chosen < there:
        yield f"{chosen:,} of {there:,} questions chosen: the dollars reach for {most:,} answers"


def _chosen(review: Review, most: int) -> tuple[list[Mapping[str, str]], int]:
    """The questions to ask, and among how many they were chosen."""
    groups, there, candidates = Groups(), dict[str, Question](), list[Candidate]()
    for each in review.questions():
        if each.outcome is None:
            continue
        made = each.outcome.decision
        told = answered(each.question, choice.read(made.choice) if made else None, each.outcome.detail)
        if (found := candidate(told, groups)) is not None:
            candidates.append(found)
            there[each.question.id] = each.question
    return [_told(there[name]) for name in order(candidates)[:most]], len(candidates)


def _told(question: Question) -> Mapping[str, str]:
    labelled = {} if question.answer is None else {"answer": question.answer}
    return {"id": question.id, "question": question.text, "kind": question.kind, **labelled}


def _paid(review: Review) -> int:
    """What an answer of a lane that costs something has cost, the dearest one's, since that is the one to be asked."""
    return max((books.call_nano for books in review.sums.lanes.values()), default=0)


if __name__ == "__main__":
    sys.exit(main())
