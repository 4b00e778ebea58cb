"""Callers who leave while they are answered."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc.aio
import pytest
from tandem_rpc.asynchronous.calls import _written


class Left:
    """The context of a caller who leaves over the second answer, which is a matter of microseconds with a real one."""

    def __init__(self) -> None:
        self.heard = list[object]()

    async def write(self, answer: object) -> None:
        if self.heard:
            raise grpc.aio.InternalError
        self.heard.append(answer)


def test_a_caller_who_leaves_over_an_answer_cancels_the_call() -> None:
    """As one does who leaves between two: what answered is closed, and gRPC has nothing to log."""
    closed = list[bool]()

    async def answers(*_: object) -> AsyncIterator[int]:
        try:
            for number in range(9):
                yield number
        finally:
            closed.append(True)

    context: Any = Left()
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(_written(answers)(None, context))
    assert context.heard == [0]
    assert closed == [True]
