"""The process of a worker: `python -m tandem_reasoning.worker`.

TANDEM_COORDINATOR     host:port of the coordinator
TANDEM_TOKEN_FILE      file with the token that it wants, if it wants one
TANDEM_TLS_CA          file with the certificate that it is known by; without one it is spoken to in plain text
TANDEM_PLAINTEXT       set to anything: the network itself encrypts, so that a token may be sent without TLS
TANDEM_WORKER          name, unique in the run; host and process number if left out
TANDEM_AT_ONCE         questions that are worked on at once, 8 if left out
TANDEM_SCRATCH         folder for its last word, if somebody looks for one
TANDEM_GRACE_SECONDS   for what is under way at SIGTERM, 25 if left out: less than Kubernetes' 30
"""

import asyncio
import logging
import os
import signal
import socket
import sys
from pathlib import Path

from tandem_rpc import ClientTls, RpcSetupError
from tandem_rpc.process import last_word

from tandem_reasoning.worker.line import Line
from tandem_reasoning.worker.work import Work, named

_UNUSABLE = 93  # as with trainers: do not start it again, its settings are wrong


def main() -> int:
    """Work until the run is over or somebody says so; 0 then, 93 when a setting cannot be used."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    logging.getLogger("httpx2").setLevel(logging.WARNING)  # a line for each call
    address = os.environ.get("TANDEM_COORDINATOR")
    if not address:
        return _said("TANDEM_COORDINATOR is not set; give host:port of the coordinator")
    try:
        at_once, grace_s = int(os.environ.get("TANDEM_AT_ONCE", "8")), float(os.environ.get("TANDEM_GRACE_SECONDS", "25"))
        asyncio.run(_work(address, at_once, grace_s))
    except RpcSetupError as error:
        return _said(f"TANDEM_COORDINATOR, TANDEM_TOKEN_FILE, TANDEM_TLS_CA: {error}")
    except ValueError as error:
        return _said(f"TANDEM_AT_ONCE, TANDEM_GRACE_SECONDS: {error}; give numbers")
    return last_word.said(os.environ, 0)


async def _work(address: str, at_once: int, grace_s: float) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    token, ca = os.environ.get("TANDEM_TOKEN_FILE"), os.environ.get("TANDEM_TLS_CA")
    tls, plaintext = ClientTls(ca=Path(ca)) if ca else None, "TANDEM_PLAINTEXT" in os.environ
    async with Line(address, Path(token) if token else None, tls=tls, plaintext=plaintext) as line:
        await Work(line, named(os.environ, socket.gethostname(), os.getpid()), at_once).until(stop, grace_s)


def _said(line: str) -> int:
    sys.stderr.write(f"tandem-reasoning worker: {line}\n")
    return last_word.said(os.environ, _UNUSABLE, line)


if __name__ == "__main__":
    sys.exit(main())
