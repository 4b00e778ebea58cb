"""What holds for every call: refusals are said well, callers are known, streams are counted, unary calls have a deadline.

Applied in that order. Health is left alone: probes hold no token.
"""

import threading
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import grpc

from tandem_rpc.callers import Known, remember
from tandem_rpc.enclosing import Behaviour, Method, enclosed, rewritten, streaming
from tandem_rpc.errors import FIELD_KEY, Refused

HEALTH = "/grpc.health.v1.Health/"
_CLOCK_SLACK_S = 1.0  # what was sent as 30 s arrives as 30.1 s: gRPC counts ticks of several clocks


class Rule(grpc.ServerInterceptor):
    """One rule, applied to a method before it is called."""

    def intercept_service(
        self, continuation: Callable[[grpc.HandlerCallDetails], Method | None], handler_call_details: grpc.HandlerCallDetails
    ) -> Method | None:
        """The method to call, under the rule; None when there is no such method."""
        method = continuation(handler_call_details)
        if method is None or handler_call_details.method.startswith(HEALTH):
            return method
        return self.applied(method, dict(handler_call_details.invocation_metadata))

    def applied(self, method: Method, metadata: dict[str, str | bytes]) -> Method:
        """`method` under this rule, for a call that came with `metadata`."""
        raise NotImplementedError


class Refusals(Rule):
    """Turns Refused into a status with the offending field; outermost, so that other rules may raise it, too."""

    def applied(self, method: Method, metadata: dict[str, str | bytes]) -> Method:  # noqa: ARG002 - a rule of its own kind
        """`method`, whose Refused become statuses."""
        return enclosed(method, _said_well)


class KnownCallers(Rule):
    """Lets in who shows a token that `known` knows (RFC 6750), before anything of the call is read."""

    def __init__(self, known: Known, wanted: str) -> None:
        self._known, self._wanted = known, wanted

    def applied(self, method: Method, metadata: dict[str, str | bytes]) -> Method:
        """`method`, which begins once it is known who calls."""

        @contextmanager
        def known(context: grpc.ServicerContext) -> Generator[None]:
            # Here, in a thread of the call's own: a verifier may take its time.
            remember(context, self._known(shown_token(metadata, self._wanted)))
            yield

        return enclosed(method, known)


@dataclass(frozen=True, slots=True, kw_only=True)
class Streams:
    """How many streaming calls may be open at once; further ones are refused.

    Attributes:
        speakers: Of those in which the caller speaks.
        listeners: Of those in which the service alone does, when all speakers are there; more while there are fewer.
    """

    speakers: int = 1000  # an idle thread costs tens of kilobytes, and is made when first needed
    listeners: int = 64

    @property
    def all(self) -> int:
        """All of them."""
        return self.speakers + self.listeners


class CountedStreams(Rule):
    """Keeps streams, each of which holds a thread, from taking the threads that unary calls and probes need.

    Streams of requests, of which there are as many as there are workers, leave places to those that only listen: however many
    speak, somebody hears them.
    """

    def __init__(self, most: Streams) -> None:
        self._most = most
        self._speaking, self._open = threading.Semaphore(most.speakers), threading.Semaphore(most.all)

    def applied(self, method: Method, metadata: dict[str, str | bytes]) -> Method:  # noqa: ARG002 - a rule of its own kind
        """`method`, which gives its place back when the call is over."""
        if not streaming(method):
            return method
        counted = enclosed(method, partial(_counted, self._open, self._most.all))
        return enclosed(counted, partial(_counted, self._speaking, self._most.speakers)) if method.request_streaming else counted


class Deadlines(Rule):
    """Gives unary calls a deadline when they came without one, or with one beyond ours.

    gRPC itself ends calls at their own deadline. A method that outlives ours goes on in its thread, unheard.
    """

    def __init__(self, longest_s: float, threads: int) -> None:
        self._longest_s = longest_s
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="tandem-rpc-deadline")

    def applied(self, method: Method, metadata: dict[str, str | bytes]) -> Method:  # noqa: ARG002 - a rule of its own kind
        """`method`, bounded in time."""
        return method if streaming(method) else rewritten(method, self._bounded)

    def _bounded(self, behaviour: Behaviour) -> Behaviour:
        def call(request: object, context: grpc.ServicerContext) -> Any:  # noqa: ANN401 - whatever the method answers
            if within(context.time_remaining(), self._longest_s):
                return behaviour(request, context)
            answer = self._threads.submit(behaviour, request, context)
            try:
                return answer.result(self._longest_s)
            except TimeoutError:
                if answer.done():
                    raise  # the method's own
                raise too_long(self._longest_s) from None

        return call


def shown_token(metadata: Mapping[str, str | bytes], wanted: str) -> str:
    """The bearer token of a call (RFC 6750).

    Raises:
        Refused: UNAUTHENTICATED when there is none; `wanted` says what to send.
    """
    scheme, _, token = str(metadata.get("authorization", "")).partition(" ")
    if not token:
        raise Refused(grpc.StatusCode.UNAUTHENTICATED, f"authorization: absent; send 'Bearer' and {wanted}")
    if scheme.lower() != "bearer":
        raise Refused(grpc.StatusCode.UNAUTHENTICATED, f"authorization: not a bearer token; send 'Bearer' and {wanted}")
    return token


def within(remaining_s: float | None, longest_s: float) -> bool:
    """Whether a call ends by its own deadline before ours; without one, gRPC says about 9e18 s in threads, and None in a loop."""
    return remaining_s is not None and remaining_s <= longest_s + _CLOCK_SLACK_S


def too_long(longest_s: float) -> Refused:
    """The refusal of a call that outlived our deadline."""
    message = f"deadline: the call took longer than {longest_s:g} s, the longest that this service lets it run"
    return Refused(grpc.StatusCode.DEADLINE_EXCEEDED, message)


def too_many(most: int) -> Refused:
    """The refusal of one stream more than `most`."""
    message = f"streams: all {most} are open; close some, or let the service have more"
    return Refused(grpc.StatusCode.RESOURCE_EXHAUSTED, message)


@contextmanager
def _said_well(context: grpc.ServicerContext) -> Generator[None]:
    try:
        yield
    except Refused as refused:
        if refused.field:
            context.set_trailing_metadata(((FIELD_KEY, refused.field),))
        context.abort(refused.code, refused.message)


@contextmanager
def _counted(free: threading.Semaphore, most: int, context: grpc.ServicerContext) -> Generator[None]:
    """Hold one of `most` places until the call is over."""
    if not free.acquire(blocking=False):
        raise too_many(most)
    if not context.add_callback(free.release):
        free.release()  # the call was over already
    yield
