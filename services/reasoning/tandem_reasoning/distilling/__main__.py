"""`python -m tandem_reasoning.distilling select|gather|judge`: what to teach the local model, and whether the taught one takes over.

select LEDGER --into FOLDER    rows.jsonl to train on, crosses.jsonl to put to the local model before, canary.jsonl to judge by,
                               selection.json with how many of each
gather LEDGER --into FOLDER    taught.jsonl to train on in place of rows.jsonl: what the local model said to crosses.jsonl comes with it
judge BEFORE AFTER             both models' books of the canary; exit code 0 promotes, 1 rejects
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from tandem_reasoning.complaint import complain, complain_of
from tandem_reasoning.coordinator.job import Job
from tandem_reasoning.distilling.buffer import LEAST
from tandem_reasoning.distilling.habits import gather, gathered
from tandem_reasoning.distilling.judging import document, judged, sentences
from tandem_reasoning.distilling.selecting import select, selected, written
from tandem_reasoning.distilling.verdict import Rule, decide
from tandem_reasoning.ledger import LedgerError

VERDICT = "verdict.json"
_NAME, _REJECTED = "distilling", 1


def main(argv: Sequence[str] | None = None) -> int:
    """Do what is asked; 2 when that cannot be done, or there is too little to teach."""
    asked = _asked(argv)
    try:
        return {"select": _select, "gather": _gather, "judge": _judge}[asked.what](asked)
    except (ValidationError, LedgerError, OSError) as error:
        return complain_of(_NAME, error)


def _select(asked: argparse.Namespace) -> int:
    told = select(asked.ledger, _job(asked), asked.into)
    if told["lessons"] < asked.min_samples:
        lacking = f"{told['lessons']} answers of the cloud lane teach something, and {asked.min_samples} are asked"
        return complain(_NAME, f"{lacking}: go on once more questions are answered")
    if not told["rehearsals"]:
        return complain(_NAME, "of no question is it known that the local model answers it rightly, so it would forget all that it knows")
    return _told(selected(told), code=0)


def _gather(asked: argparse.Namespace) -> int:
    return _told([gathered(gather(asked.ledger, _job(asked), asked.into))], code=0)


def _judge(asked: argparse.Namespace) -> int:
    rule = Rule(min_gain=asked.min_gain, max_loss=asked.max_loss)
    verdict = decide(judged(asked.before, asked.after), rule)
    written(asked.into / VERDICT, [document(verdict, rule)])
    return _told(sentences(verdict, rule), code=0 if verdict.promoted else _REJECTED)


def _job(asked: argparse.Namespace) -> Job:
    return Job.model_validate_json((asked.job or asked.ledger.with_name("job.json")).read_bytes())


def _asked(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tandem_reasoning.distilling", description="Teach the local model what the cloud knows."
    )
    whats = parser.add_subparsers(dest="what", required=True)
    chosen = whats.add_parser("select", help="choose what to teach")
    chosen.add_argument("--into", type=Path, required=True, help="folder for rows.jsonl, crosses.jsonl, canary.jsonl and selection.json")
    chosen.add_argument("--min-samples", type=int, default=LEAST, help="answers of the cloud lane that must teach something")
    heard = whats.add_parser("gather", help="put beside it what the local model said to crosses.jsonl")
    heard.add_argument("--into", type=Path, required=True, help="folder that select wrote, for taught.jsonl and taught.json")
    for each in (chosen, heard):
        each.add_argument("ledger", type=Path, help="file that the books are kept in, or a snapshot of it")
        each.add_argument("--job", type=Path, help="file with the run's job; job.json beside the ledger when left out")
    judge = whats.add_parser("judge", help="decide whether the taught model takes over")
    judge.add_argument("before", type=Path, help="books of the canary with the model that the lane has")
    judge.add_argument("after", type=Path, help="books of the canary with the model that was taught")
    judge.add_argument("--min-gain", type=float, default=Rule().min_gain, help="more of all questions that must be right, 0 to 1")
    judge.add_argument("--max-loss", type=float, default=Rule().max_loss, help="more of a class that may be wrong, above 0 to 1")
    judge.add_argument("--into", type=Path, required=True, help="folder for verdict.json")
    return parser.parse_args(argv)


def _told(lines: Sequence[str], *, code: int) -> int:
    sys.stdout.writelines(f"{each}\n" for each in lines)
    return code


if __name__ == "__main__":
    sys.exit(main())
