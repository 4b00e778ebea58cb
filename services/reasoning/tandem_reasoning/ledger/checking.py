"""What must be true of every ledger, whatever happened to those who wrote it; what is not is said, one line each."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from tandem_reasoning.ledger.opening import in_our_words, opened_to_read

_MOST = 10
"""Findings of one kind that are named one by one."""

_RULES = {
    "item {} is done without an outcome": """
        SELECT position FROM item LEFT JOIN outcome USING (position) WHERE state = 'done' AND outcome.position IS NULL
    """,
    "item {} has an outcome and is not done": "SELECT position FROM item JOIN outcome USING (position) WHERE state <> 'done'",
    "question {} is no item": "SELECT position FROM question LEFT JOIN item USING (position) WHERE state IS NULL",
    "item {} was handed out more often than its fence says": "SELECT position FROM item WHERE attempts > fence",
    "call {} is paid by no settled bill of its key": """
        SELECT call.key FROM call LEFT JOIN bill
        ON bill.ticket = call.ticket AND bill.key = call.key AND bill.state = 'settled' AND bill.records = 1
            AND bill.cost_nano = call.cost_nano AND bill.position = call.position
        WHERE bill.ticket IS NULL
    """,
    "bill {} says that it has a record, and there is none": """
        SELECT bill.ticket FROM bill LEFT JOIN call USING (ticket) WHERE records = 1 AND call.ticket IS NULL
    """,
    "bill {} has a cost and is not settled": "SELECT ticket FROM bill WHERE state <> 'settled' AND (cost_nano <> 0 OR records <> 0)",
    "bill {} is settled, and its call has no record": """
        SELECT bill.ticket FROM bill LEFT JOIN call USING (key) WHERE bill.state = 'settled' AND call.key IS NULL
    """,
    "bill {} is open for an item that nobody has": """
        SELECT ticket FROM bill JOIN item USING (position)
        WHERE bill.state = 'open' AND NOT (item.state = 'leased' AND bill.fence = item.fence)
    """,
}


def findings(connection: sqlite3.Connection) -> Iterator[str]:
    """All that is wrong with a ledger."""
    for (line,) in connection.execute(f"PRAGMA integrity_check({_MOST})").fetchall():
        if line != "ok":
            yield " ".join(line.split())
    for table, row, parent, _ in connection.execute("PRAGMA foreign_key_check").fetchmany(_MOST):
        yield f"{table} {row} belongs to no {parent}"
    for rule, question in _RULES.items():
        for (which,) in connection.execute(f"{question} LIMIT {_MOST}").fetchall():
            yield rule.format(which)


def verify(path: Path) -> tuple[str, ...]:
    """What is wrong with a ledger or a snapshot of one; nothing, if all is well.

    Raises:
        DamagedError, FormatError, FullError: when it cannot be looked into.
    """
    with in_our_words(path), closing(opened_to_read(path)) as connection:
        return tuple(findings(connection))
