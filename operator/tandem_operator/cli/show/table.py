"""Tables for people: as wide as the terminal allows, and never cut when they go into a pipe or a file."""

import sys
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table

_ENDLESS = 10_000


def columns(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows under headings."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in head:
        table.add_column(name, no_wrap=True)
    _print(table, rows)


def _print(table: Table, rows: Iterable[Sequence[str]]) -> None:
    for row in rows:
        table.add_row(*row)
    terminal = sys.stdout.isatty()
    Console(highlight=False, markup=False, width=None if terminal else _ENDLESS).print(table)
