"""Finds out about a server for the coordinator, which has no key of its own to ask it with."""

import logging
from collections.abc import Callable

from tandem.reasoning.v1 import reasoning_pb2 as wire

from tandem_reasoning.lanes.probing.findings import dumped
from tandem_reasoning.lanes.probing.probe import probe
from tandem_reasoning.worker.calls import Server
from tandem_reasoning.worker.line import Line

_log = logging.getLogger(__name__)


async def inspected(line: Line, worker: str, server: Server, asked: wire.Inspection, number: Callable[[], int]) -> None:
    """Probe a server and tell what was found; one that does not answer is a finding, too. `number` is under which, when it is over."""
    _log.info("finding out about %s of lane %s", asked.url, asked.lane)
    findings = await probe(server.client, asked.url, server.model, deadline_s=asked.call_seconds, most_at_once=asked.most_at_once)

    def told() -> wire.InspectedRequest:
        return wire.InspectedRequest(worker=worker, number=number(), findings=dumped(findings))

    await line.ask_anew(line.stub.Inspected, told)
