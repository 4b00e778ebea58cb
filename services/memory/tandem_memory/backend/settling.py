"""How a call hears what became of what it handed in, in every backend."""

import asyncio
from typing import TypeVar

_T = TypeVar("_T")


def settle(answer: "asyncio.Future[_T]", outcome: _T | Exception) -> None:
    """Give a call its answer, or raise in it what it is refused with; one that was given up has gone, and what was done is done."""
    if answer.done():
        return
    if isinstance(outcome, Exception):
        answer.set_exception(outcome)
    else:
        answer.set_result(outcome)
