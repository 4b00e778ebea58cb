"""The service as a process: store, embedding, rights and both servers, put together; up until SIGTERM or SIGINT."""

import asyncio
import logging
import os
import signal
from contextlib import AsyncExitStack
from functools import partial

import uvloop
from tandem.memory.v1 import memory_pb2
from tandem.memory.v1.memory_pb2_grpc import add_MemoryServiceServicer_to_server
from tandem_rpc import AsyncServer, serve_async
from tandem_rpc.process import address_file
from tandem_rpc.process.scraping import Scraping

from tandem_memory.backend import Backend
from tandem_memory.backend.counting import Counting
from tandem_memory.embedding import Endpoint
from tandem_memory.figures import Figures
from tandem_memory.moves import backup
from tandem_memory.program import opening
from tandem_memory.program.settings import Settings
from tandem_memory.service import Memory, Parts

_SERVICE = memory_pb2.DESCRIPTOR.services_by_name["MemoryService"].full_name
# Copying and checking a large store are unary calls that take as long as its disk needs. Callers bring shorter deadlines.
_LONGEST_CALL_S = 3600.0
_LOOK_S = 1.0  # between looks for trouble: a probe looks every few seconds
_log = logging.getLogger("tandem_memory")


def run(settings: Settings) -> None:
    """Serve until asked to stop.

    Raises:
        tandem_rpc.RpcSetupError, OpeningError: when a setting cannot be used.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_served(settings))


async def _served(settings: Settings) -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        parts = await _opened(settings, stack)
        scraping = stack.enter_context(_scraping(settings, parts, stop))
        server = await _listening(settings, parts)
        stack.push_async_callback(server.stop, settings.grace_seconds)
        stack.callback(asyncio.create_task(_probed(server, parts.backend)).cancel)
        stack.callback(parts.stopping.begin)
        addresses = {
            "grpc": address_file.at(settings.listen, server.port),
            "metrics": address_file.at(settings.metrics_listen, scraping.port),
        }
        stack.enter_context(address_file.written(settings.address_file, **addresses))
        _log.info("memory in %(place)s at %(grpc)s, metrics at %(metrics)s", {"place": settings.place, **addresses})
        await stop.wait()
        _log.info("stopping")


async def _opened(settings: Settings, stack: AsyncExitStack) -> Parts:
    rights, embedding = opening.rights(settings), opening.embedding(settings)
    if isinstance(embedding, Endpoint):
        stack.push_async_callback(embedding.close)
    figures = Figures()
    backend = await stack.enter_async_context(opening.backend(settings, committed=figures.committed))
    return Parts(
        backend=backend,
        embedding=embedding,
        rights=rights,
        backup=partial(backup.made, backend, scratch=opening.scratch(settings), environ=os.environ),
        limits=settings.limits,
        figures=figures,
    )


async def _listening(settings: Settings, parts: Parts) -> AsyncServer:
    return await serve_async(
        settings.listen,
        {_SERVICE: partial(add_MemoryServiceServicer_to_server, Memory(parts))},
        token_file=settings.token_file,
        verifier=opening.verifier(settings),
        tls=settings.tls,
        plaintext=settings.plaintext,
        streams=settings.streams,
        deadline_s=_LONGEST_CALL_S,
        max_message_bytes=settings.most_message_bytes,
    )


async def _probed(server: AsyncServer, backend: Backend) -> None:
    """Have probes of gRPC told, and the log, when the backend needs to be mended, and when it was."""
    before = None
    while True:
        trouble = await asyncio.to_thread(backend.trouble)
        if trouble != before:
            before = trouble
            await server.tell_probes(serving=trouble is None)
            _log.error("nothing is taken in: %s", trouble) if trouble else _log.info("what is appended is taken in again")
        await asyncio.sleep(_LOOK_S)


def _scraping(settings: Settings, parts: Parts, stop: asyncio.Event) -> Scraping:
    counting = Counting(parts.backend.namespaces, asyncio.get_running_loop())
    parts.figures.kept(lambda: counting.kept().records, lambda: counting.kept().namespaces)
    return Scraping(settings.metrics_listen, parts.figures.registry, lambda: "stopping" if stop.is_set() else parts.backend.trouble())
