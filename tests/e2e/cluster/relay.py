"""A server of this machine that listens on loopback alone, for pods: what they send to another address of it is passed on."""

import asyncio
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit, urlunsplit

_AT_ONCE = 1 << 16  # bytes
_LEAVES_S = 60


@contextmanager
def relayed(url: str, host: str) -> Generator[str]:
    """The server at `url`, within it, under an address of `host`: that one's URL."""
    loop, ready, at = asyncio.new_event_loop(), threading.Event(), urlsplit(url)
    ports: list[int] = []

    async def serve() -> None:
        server = await asyncio.start_server(lambda reader, writer: _passed_on(reader, writer, at.hostname or "", at.port or 80), host, 0)
        ports.append(server.sockets[0].getsockname()[1])
        ready.set()
        await server.serve_forever()

    def run() -> None:
        with suppress(asyncio.CancelledError):
            loop.run_until_complete(serving)

    serving = loop.create_task(serve())
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert ready.wait(_LEAVES_S), f"nothing can listen on {host}"
    try:
        yield urlunsplit(at._replace(netloc=f"{host}:{ports[0]}"))
    finally:
        loop.call_soon_threadsafe(serving.cancel)
        thread.join(_LEAVES_S)


async def _passed_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, port: int) -> None:
    there_reader, there_writer = await asyncio.open_connection(host, port)
    await asyncio.gather(_copied(reader, there_writer), _copied(there_reader, writer))


async def _copied(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(_AT_ONCE):
            writer.write(data)
            await writer.drain()
    with suppress(OSError):
        writer.close()
