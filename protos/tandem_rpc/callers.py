"""Who calls? A verifier says whose token was shown; a service asks with `caller` on whose behalf a call is made.

Callers that share one token file cannot be told apart: for those, and where nobody is asked for a token, there is no Caller.
"""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import grpc
import grpc.aio

from tandem_rpc.errors import Refused
from tandem_rpc.token_file import TokenFile

_ATTRIBUTE = "tandem_caller"  # of gRPC's context, which lives as long as the call; context variables do not follow its threads
_IN_LOOP: ContextVar["Caller | None"] = ContextVar("tandem_caller", default=None)  # in a loop they do, and contexts take no attributes


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Somebody whose token was verified.

    Attributes:
        identity: The name that they are known by, for example "system:serviceaccount:team:default".
        namespace: The Kubernetes namespace that they belong to; empty when they belong to none.
    """

    identity: str
    namespace: str = ""


Verifier: TypeAlias = Callable[[str], Caller]
"""Says whose a token is, or raises `Refused`: UNAUTHENTICATED for a token that is nobody's, UNAVAILABLE when that cannot be
told now. Called from many threads at once; a call does not begin before it has returned."""

Known: TypeAlias = Callable[[str], Caller | None]
if TYPE_CHECKING:
    AnyContext: TypeAlias = grpc.ServicerContext | grpc.aio.ServicerContext[Any, Any]


def caller(context: "AnyContext") -> Caller | None:
    """Who makes the call of `context`; None where callers are not told apart."""
    return getattr(context, _ATTRIBUTE, None) if isinstance(context, grpc.ServicerContext) else _IN_LOOP.get()


def remember(context: "AnyContext", who: Caller | None) -> None:
    """Have `caller` answer `who` from now on; in a loop, in the task of the call and those that it starts."""
    if isinstance(context, grpc.ServicerContext):
        setattr(context, _ATTRIBUTE, who)
    else:
        _IN_LOOP.set(who)


def sharing(tokens: TokenFile) -> Known:
    """Lets in whoever shows one of `tokens`."""

    def known(token: str) -> None:
        if not tokens.accepts(token.encode()):
            message = "authorization: not a token of this service; send the first line of its token file"
            raise Refused(grpc.StatusCode.UNAUTHENTICATED, message)

    return known
