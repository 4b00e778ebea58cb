"""The service as a process: store, embedding, rights and both servers, put together; up until SIGTERM or SIGINT."""

import asyncio
import logging
import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from functools import partial

import uvloop
from prometheus_client import disable_created_metrics
from tandem.memory.v1 import memory_pb2
from tandem.memory.v1.memory_pb2 import Namespace
from tandem.memory.v1.memory_pb2_grpc import add_MemoryServiceServicer_to_server
from tandem_rpc import AsyncServer, Verifier, serve_async
from tandem_rpc.process import address_file
from tandem_rpc.process.scraping import Scraping
from tandem_rpc.verifiers.remembered import Remembered
from tandem_rpc.verifiers.token_folder import TokenFolder
from tandem_rpc.verifiers.token_review import ApiServer, TokenReview

from tandem_memory import backup
from tandem_memory.backend import Backend, DamagedError, StoreFullError
from tandem_memory.embedded import Embedded
from tandem_memory.embedding import Embedding, Endpoint, Ngrams
from tandem_memory.rights import Rights
from tandem_memory.rights_file import RightsFile
from tandem_memory.service import Memory, Parts
from tandem_memory.settings import Settings
from tandem_memory.store.errors import FormatError, InUseError

_SERVICE = memory_pb2.DESCRIPTOR.services_by_name["MemoryService"].full_name
_MOST_TOKENS = 10_000  # remembered at about 300 bytes each
# Copying and checking a large store are unary calls that take as long as its disk needs. Callers bring shorter deadlines.
_LONGEST_CALL_S = 3600.0
_SCRAPE_PATIENCE_S = 5.0
_log = logging.getLogger("tandem_memory")


class OpeningError(Exception):
    """Something that is needed cannot be opened; one line with the fix."""


def run(settings: Settings) -> None:
    """Serve until asked to stop.

    Raises:
        RpcSetupError, OpeningError: when a setting cannot be used.
    """
    disable_created_metrics()  # a series for each counter, that says when this process began
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_served(settings))


async def _served(settings: Settings) -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        rights = _rights(settings)
        embedding = _embedding(settings)
        if isinstance(embedding, Endpoint):
            stack.push_async_callback(embedding.close)
        backend = _opened(settings)
        stack.push_async_callback(backend.close)
        parts = _parts(settings, backend, embedding, rights)
        scraping = stack.enter_context(_scraping(settings, parts, stop))
        server = await _listening(settings, parts)
        stack.push_async_callback(server.stop, settings.grace_seconds)
        stack.callback(parts.stopping.begin)
        addresses = {"grpc": _address(settings.listen, server.port), "metrics": _address(settings.metrics_listen, scraping.port)}
        stack.enter_context(address_file.written(settings.address_file, **addresses))
        _log.info("memory of %(folder)s at %(grpc)s, metrics at %(metrics)s", {"folder": settings.folder, **addresses})
        await stop.wait()
        _log.info("stopping")


def _opened(settings: Settings) -> Backend:
    try:
        return Embedded(settings.folder)
    except (FormatError, InUseError, DamagedError, StoreFullError, OSError) as error:
        msg = f"TANDEM_MEMORY_FOLDER: {settings.folder}: {error}"
        raise OpeningError(msg) from error


def _embedding(settings: Settings) -> Embedding:
    if settings.embedding_url is None or settings.embedding_model is None:
        return Ngrams(settings.embedding_dimension) if settings.embedding_dimension else Ngrams()
    key = settings.embedding_key_file
    if key and not key.is_file():
        msg = f"TANDEM_MEMORY_EMBEDDING_KEY_FILE: {key} is absent; write the key of {settings.embedding_url} into it"
        raise OpeningError(msg)
    return Endpoint(
        settings.embedding_url,
        settings.embedding_model,
        key=key.read_text if key else None,
        dimension=settings.embedding_dimension,
    )


def _parts(settings: Settings, backend: Backend, embedding: Embedding, rights: Callable[[], Rights]) -> Parts:
    if settings.scratch is None:
        backup.swept(settings.folder)  # which is ours alone, as long as the store is open
    return Parts(
        backend=backend,
        embedding=embedding,
        rights=rights,
        backup=partial(backup.made, backend, scratch=settings.scratch or settings.folder, environ=os.environ),
        limits=settings.limits,
    )


def _rights(settings: Settings) -> Callable[[], Rights]:
    if settings.rights_file is None:
        return Rights
    return RightsFile(settings.rights_file).current


async def _listening(settings: Settings, parts: Parts) -> AsyncServer:
    return await serve_async(
        settings.listen,
        {_SERVICE: partial(add_MemoryServiceServicer_to_server, Memory(parts))},
        token_file=settings.token_file,
        verifier=_verifier(settings),
        tls=settings.tls,
        plaintext=settings.plaintext,
        streams=settings.streams,
        deadline_s=_LONGEST_CALL_S,
        max_message_bytes=settings.most_message_bytes,
    )


def _verifier(settings: Settings) -> Verifier | None:
    if settings.token_folder is not None:
        return TokenFolder(settings.token_folder)
    if not settings.token_review:
        return None
    server = ApiServer(url=settings.api_server, account=settings.service_account)
    return Remembered(TokenReview(server, settings.audience), time.monotonic, most=_MOST_TOKENS)


def _scraping(settings: Settings, parts: Parts, stop: asyncio.Event) -> Scraping:
    loop = asyncio.get_running_loop()

    async def there() -> Sequence[Namespace]:
        return await parts.backend.namespaces()

    def kept() -> Sequence[Namespace]:  # in the thread of a scrape
        return asyncio.run_coroutine_threadsafe(there(), loop).result(_SCRAPE_PATIENCE_S)

    parts.figures.kept(lambda: sum(each.records for each in kept()), lambda: len(kept()))
    return Scraping(settings.metrics_listen, parts.figures.registry, lambda: "stopping" if stop.is_set() else None)


def _address(listen: str, port: int) -> str:
    return f"{listen.rpartition(':')[0]}:{port}"
