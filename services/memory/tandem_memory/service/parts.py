"""What all calls share: the backend, what embeds texts, who may do what, and the figures that the service tells of itself."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import grpc
import grpc.aio
from tandem_rpc import caller

from tandem_memory.acceptance import Limits
from tandem_memory.acceptance.values import check_namespace
from tandem_memory.backend import Backend
from tandem_memory.embedding import Embedding
from tandem_memory.figures import Figures
from tandem_memory.moves.backup import Copy
from tandem_memory.rights import Right, Rights
from tandem_memory.service.stopping import Stopping

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the service is made of.

    Attributes:
        backend: Keeps the records.
        embedding: Makes vectors of texts.
        rights: The rights that hold now.
        backup: Copies the store to an address, as `backup.made` does.
        limits: How much is taken in.
        figures: What the service tells of itself.
        stopping: When watchers are to leave.
    """

    backend: Backend
    embedding: Embedding
    rights: Callable[[], Rights]
    backup: Callable[[str], Awaitable[Copy]]
    limits: Limits = field(default_factory=Limits)
    figures: Figures = field(default_factory=Figures)
    stopping: Stopping = field(default_factory=Stopping)


class Calls:
    """A group of calls."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def _allow(self, context: Context, namespace: str, needed: Right) -> None:
        """Let a call begin that needs a right in a namespace.

        Raises:
            UnacceptableError: when it is no name: patterns of rights may take for ever to compare a long one.
            Refused: PERMISSION_DENIED when its caller has less.
        """
        check_namespace(namespace)
        self._parts.rights().check(caller(context), namespace, needed)

    def _allow_everywhere(self, context: Context) -> None:
        """Let a call begin that concerns all namespaces.

        Raises:
            Refused: PERMISSION_DENIED when its caller is not admin of all.
        """
        self._parts.rights().check_everywhere(caller(context))
