"""One pair of eyes that looks at runs as a queue says, in virtual time."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from tandem_operator.cluster.kube.informer import Key
from tandem_operator.cluster.turns.queue import Queue

from tests.operator.cluster.clients import in_virtual_time


def play(
    scene: Callable[[Queue, list[str]], Coroutine[Any, Any, None]], look_s: float = 1.0, *, costs_s: float = 0.0, besides: float = 0.0
) -> list[str]:
    """The names of the runs in the order in which one pair of eyes looked at them.

    Each look takes `costs_s` of processor time, and all else a share of `besides`.
    """

    async def played() -> list[str]:
        loop, order = asyncio.get_running_loop(), list[str]()
        queue = Queue(lambda: len(order) * costs_s + loop.time() * besides)

        async def look(key: Key) -> None:
            order.append(key[1])
            await asyncio.sleep(look_s)

        working = asyncio.ensure_future(queue.work(look))
        await scene(queue, order)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        return order

    return in_virtual_time(played())
