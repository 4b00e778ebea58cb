"""Puts something around every call of a method, whichever of gRPC's four kinds it is. The rules in `calls` are made of it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, TypeAlias

import grpc

if TYPE_CHECKING:
    Method: TypeAlias = grpc.RpcMethodHandler[Any, Any]
else:
    Method = grpc.RpcMethodHandler  # generic for type checkers only
Behaviour: TypeAlias = Callable[[Any, grpc.ServicerContext], Any]
Enclosure: TypeAlias = Callable[[grpc.ServicerContext], AbstractContextManager[None]]

_KINDS: dict[tuple[bool, bool], tuple[str, Callable[..., Method]]] = {
    (False, False): ("unary_unary", grpc.unary_unary_rpc_method_handler),
    (False, True): ("unary_stream", grpc.unary_stream_rpc_method_handler),
    (True, False): ("stream_unary", grpc.stream_unary_rpc_method_handler),
    (True, True): ("stream_stream", grpc.stream_stream_rpc_method_handler),
}


def enclosed(method: Method, enclosure: Enclosure) -> Method:
    """`method` with each of its calls inside `enclosure(context)`."""
    return rewritten(method, lambda behaviour: (_stream if method.response_streaming else _single)(behaviour, enclosure))


def rewritten(method: Method, rewrite: Callable[[Behaviour], Behaviour]) -> Method:
    """`method` with another behaviour, made by `rewrite` of the one it has."""
    kind, make = _KINDS[method.request_streaming, method.response_streaming]
    return make(
        rewrite(getattr(method, kind)),
        request_deserializer=method.request_deserializer,
        response_serializer=method.response_serializer,
    )


def streaming(method: Method) -> bool:
    """Whether a call of it may stay open for as long as it likes."""
    return method.request_streaming or method.response_streaming


def _single(behaviour: Behaviour, enclosure: Enclosure) -> Behaviour:
    def call(request: object, context: grpc.ServicerContext) -> object:
        with enclosure(context):
            return behaviour(request, context)

    return call


def _stream(behaviour: Behaviour, enclosure: Enclosure) -> Behaviour:
    def call(request: object, context: grpc.ServicerContext) -> Iterator[object]:
        with enclosure(context):
            yield from behaviour(request, context)

    return call
