"""`python -m tandem_reasoning.routing.replay LEDGER --policy NAME`: what another policy would have been worth, as JSON."""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

from tandem_reasoning.complaint import complain_of
from tandem_reasoning.coordinator.job import Job
from tandem_reasoning.ledger import LedgerError, Review
from tandem_reasoning.report.line import line
from tandem_reasoning.report.rows import replayed
from tandem_reasoning.report.sides import Sides, of_choices, of_job
from tandem_reasoning.routing.answered import near
from tandem_reasoning.routing.policies.named import PolicyName, named
from tandem_reasoning.routing.replay.comparison import SETTLED, compared
from tandem_reasoning.routing.replay.log import Logged

_NAME = "replay"


def main(argv: Sequence[str] | None = None) -> int:
    """Judge it and print what came of that; 2 when the ledger cannot be read."""
    asked = _asked(argv)
    policy = named(asked.policy, cloud_share=asked.cloud_share, single=asked.single, learning=SETTLED)
    try:
        told = compared(tuple(rows(asked.ledger, asked.job)), asked.policy, policy)
    except (ValidationError, LedgerError, OSError) as error:
        return complain_of(_NAME, error)
    sys.stdout.write(f"{json.dumps(told, indent=2)}\n")
    return 0


def rows(ledger: Path, job: Path | None = None) -> Iterator[Logged]:
    """Answered questions of a ledger as replays want them, with the questions alike that each decision rested on.

    Those without a right answer are left out as soon as one has one, as in the report: what they are worth is another thing.

    Raises:
        LedgerError, OSError, pydantic.ValidationError: when that cannot be read.
    """
    with closing(Review(ledger)) as review:
        sides = _sides(review, ledger, job)
        labelled = any(each.outcome and each.question.answer is not None for each in review.questions())
        for each in review.questions():
            if each.outcome is None or labelled is not (each.question.answer is not None):
                continue
            if (row := replayed(line(each), sides)) is not None:
                yield replace(row, known=replace(row.known, neighbours=near(each.outcome.detail)))


def _sides(review: Review, ledger: Path, named: Path | None) -> Sides:
    """Whose each lane is: by the job, which lies beside the ledger, or by the decisions."""
    beside = ledger.with_name("job.json")
    if named is not None or beside.is_file():
        job = Job.model_validate_json((named or beside).read_bytes())
        return of_job(job.name, [each.lane for each in job.lanes])
    made = [each.outcome.decision for each in review.questions() if each.outcome]
    return of_choices(each.choice for each in made if each)


def _asked(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tandem_reasoning.routing.replay", description="Judge a policy by the log of a run.")
    parser.add_argument("ledger", type=Path, help="file that the books are kept in, or a snapshot of it")
    parser.add_argument("--policy", type=PolicyName, choices=list(PolicyName), required=True, help="whom to judge")
    parser.add_argument("--cloud-share", type=float, default=0.5, help="of questions for the cloud lane, under Random")
    parser.add_argument("--single", action="store_true", help="one call in place of a vote, under Local")
    parser.add_argument("--job", type=Path, help="file with the run's job; job.json beside the ledger when left out, if there is one")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
