"""A call that is under way when its server's machine is gone without a word, on a machine of its own behind a cable."""

import asyncio
import contextlib
import secrets
import sys
from collections.abc import Generator
from dataclasses import dataclass
from ipaddress import ip_address

import pytest
from tandem_reasoning.lanes.asking.client import LaneClient
from tandem_reasoning.lanes.outcome import Failed, Outcome, Trouble
from tandem_reasoning.values import Message, Prompt

from tests.cluster.machine.processes import sh
from tests.parts import debian
from tests.parts.fixtures import needing, say
from tests.parts.part import need_root

PORT = 1234
PROMPT = Prompt(messages=(Message(role="user", content="is it so?"),), max_tokens=16)
HEARS = f"""
import socket
server = socket.create_server(("", {PORT}))
print("listens", flush=True)
connection, _ = server.accept()
connection.recv(65536)
print("was asked", flush=True)
while connection.recv(65536):
    pass  # it thinks
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Another one, at the other end of a cable."""

    name: str
    address: str

    def cut(self) -> None:
        """Nothing comes from it any more: no FIN, no RST."""
        sh("ip", "link", "set", self.name, "down")
        sh("ip", "link", "set", self.name, "up")
        sh("ip", "-n", self.name, "link", "set", "eth0", "down")


@pytest.fixture
def machine(request: pytest.FixtureRequest) -> Generator[Machine]:
    with needing("a machine to cut off", request.config):
        need_root("a machine to cut off")
        debian.need(["ip"], lambda line: say(request.config, line))
    name, place = f"tandem-{secrets.token_hex(3)}", ip_address("169.254.1.0") + 4 * secrets.randbelow(2**13)
    ours, theirs = place + 1, place + 2  # link-local (RFC 3927), and hardly those of another run of this test
    sh("ip", "netns", "add", name)
    try:
        sh("ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name)
        sh("ip", "address", "add", f"{ours}/30", "dev", name)
        sh("ip", "-n", name, "address", "add", f"{theirs}/30", "dev", "eth0")
        sh("ip", "link", "set", name, "up")
        sh("ip", "-n", name, "link", "set", "eth0", "up")
        yield Machine(name=name, address=str(theirs))
    finally:
        sh("ip", "link", "delete", name, quiet=True)
        sh("ip", "netns", "delete", name, quiet=True)


@pytest.mark.parametrize("gone", [True, False])
def test_a_machine_that_is_gone_is_not_waited_for_and_one_that_thinks_is(machine: Machine, *, gone: bool) -> None:
    """The kernels ask after each other: without a power cut the call takes its whole time, with one it ends before."""
    found = asyncio.run(_asked(machine, gone=gone, deadline_s=300.0 if gone else 6.0))
    assert isinstance(found, Failed)
    assert found.trouble is (Trouble.CUT if gone else Trouble.TIMEOUT), found


async def _asked(machine: Machine, *, gone: bool, deadline_s: float) -> Outcome:
    command = ("ip", "netns", "exec", machine.name, sys.executable, "-c", HEARS)
    server = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert server.stdout is not None
    try:
        assert await server.stdout.readline() == b"listens\n"
        async with LaneClient(silent_s=2) as client:
            call = asyncio.create_task(client.ask(f"http://{machine.address}:{PORT}/v1", "small", PROMPT, deadline_s=deadline_s))
            assert await server.stdout.readline() == b"was asked\n"
            if gone:
                machine.cut()
            return await call
    finally:
        with contextlib.suppress(ProcessLookupError):
            server.kill()
        await server.wait()
