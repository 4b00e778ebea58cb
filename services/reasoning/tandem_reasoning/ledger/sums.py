"""Adds up all tables: done once when a ledger is opened, and again by whoever wants to prove that its sums are right."""

import sqlite3
from collections import defaultdict

from tandem_reasoning.ledger.bill import Bill, Stage
from tandem_reasoning.ledger.values import Books, State, Sums

_BILLS = """
    SELECT lane, state, records, count(*), sum(worst_nano), sum(cost_nano), sum(input_tokens), sum(output_tokens)
    FROM bill GROUP BY lane, state, records
"""
_ITEMS = "SELECT state, coalesce(lane, ''), count(*) FROM item LEFT JOIN outcome USING (position) GROUP BY 1, 2"


def added_up(connection: sqlite3.Connection) -> Sums:
    """What the tables add up to now."""
    lanes: defaultdict[str, Books] = defaultdict(Books)
    for lane, state, records, number, worst, cost, read, written in connection.execute(_BILLS):
        bill = Bill(
            lane=lane,
            state=Stage(state),
            worst_nano=worst,
            cost_nano=cost,
            input_tokens=read,
            output_tokens=written,
            records=bool(records),
            number=number,
        )
        lanes[lane] += bill.books
    for lane, nano in connection.execute("SELECT lane, sum(nano) FROM charge GROUP BY lane"):
        lanes[lane] += Books(spent_nano=nano, charged_nano=nano)
    items = {(State(state), lane): number for state, lane, number in connection.execute(_ITEMS)}
    (cap_nano,) = connection.execute("SELECT cap_nano FROM run").fetchone()
    return Sums(cap_nano=cap_nano, total=sum(lanes.values(), Books()), lanes=dict(lanes), items=items)
