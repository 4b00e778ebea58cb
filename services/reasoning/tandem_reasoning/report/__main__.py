"""`python -m tandem_reasoning.report LEDGER --into FOLDER`: the report of a run that is under way or over.

LEDGER is a file, or the address of a run's snapshots such as s3://bucket/runs/UID: then the newest whole one is read.
"""

import argparse
import os
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import unquote

from pydantic import ValidationError
from tandem_objects import ObjectError, open_store

from tandem_reasoning.complaint import complain_of
from tandem_reasoning.coordinator.job import Job
from tandem_reasoning.coordinator.keeping.shelf import Shelf
from tandem_reasoning.ledger import DamagedError, LedgerError
from tandem_reasoning.report import verdict
from tandem_reasoning.report.writing import FILES, write

_NAME = "report"


def main(argv: Sequence[str] | None = None) -> int:
    """Write it and say what it says; 2 when that cannot be done."""
    parser = argparse.ArgumentParser(prog="python -m tandem_reasoning.report", description="Write the report of a DualRun.")
    parser.add_argument("ledger", help="file that the books are kept in, or the address of its run's snapshots")
    parser.add_argument("--into", type=Path, required=True, help="folder that the report is written to")
    parser.add_argument("--job", type=Path, help="file with the run's job; job.json beside the ledger when left out, if there is one")
    asked = parser.parse_args(argv)
    try:
        with _at_hand(asked.ledger) as ledger:
            told = write(ledger, asked.into, job=_job(ledger, asked.job), now=datetime.now(UTC))
    except (ValidationError, LedgerError, ObjectError, OSError) as error:
        return complain_of(_NAME, error)
    sys.stdout.writelines(f"{each}\n" for each in (*verdict.sentences(told), *(str(asked.into / name) for name in FILES)))
    return 0


@contextmanager
def _at_hand(named: str) -> Generator[Path]:
    """The ledger as a file; a snapshot is gone afterwards."""
    if "://" not in named:
        yield Path(named)
        return
    store, _, run = named.rstrip("/").rpartition("/")
    shelf = Shelf(open_store(store, os.environ), unquote(run))
    with TemporaryDirectory() as folder:
        ledger = Path(folder, "ledger.sqlite")
        if not any(shelf.fetch(manifest, ledger) for manifest in shelf.newest_first()):
            msg = f"{named}: there is no whole snapshot; give the address of the run's snapshots, which ends with the run's uid"
            raise DamagedError(msg)
        yield ledger


def _job(ledger: Path, named: Path | None) -> Job | None:
    beside = ledger.with_name("job.json")
    if named is None and not beside.is_file():
        return None
    return Job.model_validate_json((named or beside).read_bytes())


if __name__ == "__main__":
    sys.exit(main())
