"""What waits to be sent over a stream, and what was sent and is not answered yet: the memory of a stream that may break. Pure.

Items are gathered into requests when there is room to send one, not before: a slow service is sent fewer and larger requests, a fast
one gets each item at once. Answers come in the order of requests. When a stream breaks, the requests that are not answered are
sent again, whole and first.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from tandem_memory.client.requests import BATCH_BYTES, Sized

Request = TypeVar("Request")


class Line(Generic[Sized, Request]):
    """Items in the order that they were put, until they are answered.

    Attributes:
        answers: How many requests were answered so far.
        answered_items: How many items those were.
    """

    def __init__(
        self,
        gather: Callable[[Sequence[Sized]], Request],
        *,
        most: int,
        requests: int = 8,
        kind: Callable[[Sized], object] = lambda _: None,
    ) -> None:
        """An empty line.

        Args:
            gather: Makes a request of items.
            most: Items in one request.
            requests: Requests that may be unanswered at once: enough to keep the service busy while answers are on their way.
            kind: Of an item: only items of one kind go into one request; all are of one if nothing else is said.
        """
        self._gather, self._most, self._requests, self._kind = gather, most, requests, kind
        self._waiting: deque[Sized] = deque()
        self._again: deque[tuple[list[Sized], Request]] = deque()
        self._sent: deque[tuple[list[Sized], Request]] = deque()
        self._items = self._bytes = 0
        self.answers = self.answered_items = 0

    def __len__(self) -> int:
        """Items that are not answered."""
        return self._items

    @property
    def full(self) -> bool:
        """Whether whoever puts should wait: as much is unanswered as may be under way."""
        return self._items >= self._most * self._requests or self._bytes >= BATCH_BYTES * self._requests

    def put(self, item: Sized) -> None:
        """Have an item sent."""
        self._waiting.append(item)
        self._items += 1
        self._bytes += item.ByteSize()

    def take(self) -> Request | None:
        """The next request to send; None when there is none, or enough are under way."""
        if len(self._sent) >= self._requests:
            return None
        if not self._again and not self._waiting:
            return None
        self._sent.append(self._again.popleft() if self._again else self._gathered())
        return self._sent[-1][1]

    def oldest(self) -> Sequence[Sized]:
        """Items of the request that is answered next."""
        return self._sent[0][0]

    def answered(self) -> None:
        """The oldest request that was sent has its answer."""
        items, _ = self._sent.popleft()
        self.answers += 1
        self.answered_items += len(items)
        self._items -= len(items)
        self._bytes -= sum(item.ByteSize() for item in items)

    def begin(self) -> None:
        """A new stream: what was sent over the last one and not answered is sent again, first and in its order."""
        self._again.extendleft(reversed(self._sent))
        self._sent.clear()

    def _gathered(self) -> tuple[list[Sized], Request]:
        items = [self._waiting.popleft()]
        kind, size = self._kind(items[0]), items[0].ByteSize()
        while self._waiting and len(items) < self._most and self._kind(self._waiting[0]) == kind:
            size += self._waiting[0].ByteSize()
            if size > BATCH_BYTES:
                break
            items.append(self._waiting.popleft())
        return items, self._gather(items)
