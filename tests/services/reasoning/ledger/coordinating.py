"""The smallest coordinator there can be: jobs come in over a socket, outcomes go back. A process to be killed.

python -m tests.services.reasoning.ledger.coordinating FOLDER --cap NANO --items N
"""

import argparse
import asyncio
import pickle
import time
from pathlib import Path

from tandem_reasoning.ledger import Desk, InUseError, Ledger, LedgerError, Load

from .asking import question

ROOM = 4  # bytes that say how long a message is


async def read(stream: asyncio.StreamReader) -> object:
    """One message. Both ends are ours."""
    size = int.from_bytes(await stream.readexactly(ROOM))
    return pickle.loads(await stream.readexactly(size))  # noqa: S301


def write(stream: asyncio.StreamWriter, message: object) -> None:
    packed = pickle.dumps(message)
    stream.write(len(packed).to_bytes(ROOM) + packed)


async def serve(folder: Path, *, cap_nano: int | None, items: int, max_attempts: int) -> None:
    """Open the ledger as soon as the one before has let go of it, and answer for ever."""
    while True:
        try:
            ledger = Ledger(folder / "ledger.db", run="r", cap_nano=cap_nano, max_attempts=max_attempts)
            break
        except InUseError:
            await asyncio.sleep(0.01)
    desk = Desk(ledger, time.time)
    await desk.ask(Load(questions=tuple(question(f"q{number}") for number in range(items))))

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                job = await read(reader)
                try:
                    write(writer, await desk.ask(job))  # type: ignore[arg-type]
                except LedgerError as error:
                    write(writer, error)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()  # its worker was killed

    socket = folder / "socket"
    socket.unlink(missing_ok=True)
    server = await asyncio.start_unix_server(answer, socket, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cap", type=int)
    parser.add_argument("--items", type=int, required=True)
    parser.add_argument("--max-attempts", type=int, default=1000)
    asked = parser.parse_args()
    asyncio.run(serve(asked.folder, cap_nano=asked.cap, items=asked.items, max_attempts=asked.max_attempts))
