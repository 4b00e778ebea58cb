"""Which servers are to be found out about, by whom, and what was found: a probe is a task for a worker, since only workers have keys.

The first worker that asks for questions gets all of it, for a while; if it vanishes, the next one does. Until a server is known nothing
is handed out, but not for longer than patience lasts: a server that is slow or silent holds nobody up for good.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import inf

from tandem_reasoning.coordinator.granting.lane_desk import LaneDesk
from tandem_reasoning.lanes.outcome import Failed
from tandem_reasoning.lanes.probing.findings import Findings, loaded
from tandem_reasoning.lanes.probing.probe import MOST_AT_ONCE, most_tokens
from tandem_reasoning.lanes.standing import Phase
from tandem_reasoning.lanes.transition import Transition
from tandem_reasoning.ledger import Desk, Found, OverBudget, Probe, Tell
from tandem_reasoning.values import NANO_USD, LaneKind

GIVEN_S = 300.0
"""For how long a worker has a probe: 80 calls of a model that takes three seconds for 24 tokens."""
PATIENCE_S = 60.0
"""How long questions wait for what is found out: a run of a few questions would be over by then."""
TRIES = 2
"""How often a probe is given out that nobody tells the end of."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """A probe that a worker is to make."""

    number: int
    lane: str
    url: str
    most_at_once: int


@dataclass(slots=True, kw_only=True)
class _Server:
    """A server of a lane, and how far one is with it.

    Attributes:
        desk: Its lane.
        url: Which.
        findings: What was found.
        given: The probe that is out, or was last.
        why: Its name in the books.
        worker: Who has it.
        until: For how long.
        tries: How often it was given out.
        over: Nothing more is expected, found or not.
        remark: Why nothing is.
    """

    desk: LaneDesk
    url: str
    findings: Findings | None = None
    given: Inspection | None = None
    why: str = ""
    worker: str = ""
    until: float = 0.0
    tries: int = 0
    over: bool = False
    remark: str = ""


@dataclass(slots=True, kw_only=True)
class Inspections:
    """Of all servers of a run.

    Attributes:
        desk: Where the books are kept.
        lanes: By name.
        clock: Monotonic seconds.
        chance: Uniform numbers, for jitter.
    """

    desk: Desk
    lanes: Mapping[str, LaneDesk]
    clock: Callable[[], float]
    chance: Callable[[], float]
    _servers: list[_Server] = field(default_factory=list[_Server])
    _begun: float | None = None
    _number: int = 0

    def begin(self, known: Mapping[tuple[str, str], str]) -> None:
        """Have all servers found out about, but those that are known from an earlier life: findings by lane and url, as text."""
        for name, desk in self.lanes.items():
            for url in desk.lane.urls:
                server = _Server(desk=desk, url=url)
                found = loaded(known[name, url]) if (name, url) in known else None
                if found is not None and found.model == desk.lane.model:
                    self._keep(server, found)
                self._servers.append(server)

    @property
    def waited_for(self) -> bool:
        """Whether questions had better wait."""
        if all(each.over for each in self._servers):
            return False
        return self._begun is None or self.clock() < self._begun + PATIENCE_S

    async def wanted(self, worker: str) -> list[Inspection]:
        """What this worker is to find out now."""
        if self._begun is None:
            self._begun = self.clock()
        return [given for each in self._servers if self._due(each) and (given := await self._given(each, worker)) is not None]

    async def found(self, number: int, text: str) -> None:
        """What came of a probe; one that somebody else has by now changes nothing, but is paid."""
        server = next((each for each in self._servers if each.given and each.given.number == number), None)
        findings = loaded(text)
        if server is None or findings is None or findings.url != server.url:  # of an earlier life of the coordinator
            return
        kept = text if findings.trouble is None else None
        cost_nano = server.desk.lane.price.of(findings.usage)
        name = server.desk.lane.name
        await self.desk.ask(Found(lane=name, url=server.url, why=server.why, cost_nano=cost_nano, findings=kept))
        transitions = self._keep(server, findings)
        for sentence in findings.sentences:
            _log.info("lane %s at %s: %s", name, server.url, sentence)
        await self._tell(server, findings, transitions)

    def lost(self, worker: str) -> None:
        """A worker was started anew: what it had to find out is given to the next one that asks."""
        for each in self._servers:
            if each.worker == worker and not each.over:
                each.until = 0.0

    def sentences(self, lane: str) -> list[str]:
        """What people should know of a lane's servers."""
        mine = [each for each in self._servers if each.desk.lane.name == lane]
        said = [sentence for each in mine if each.findings for sentence in each.findings.sentences]
        return list(dict.fromkeys([*said, *(each.remark for each in mine if each.remark)]))

    def _due(self, server: _Server) -> bool:
        if self.clock() < server.until:
            return False
        if not server.over:
            return True
        shut = server.findings is not None and server.findings.trouble is not None
        ready = server.desk.ready(self.clock()) and server.desk.phase_of(server.url) is Phase.READY
        return shut and ready  # one that did not answer is found out about once it is well

    async def _given(self, server: _Server, worker: str) -> Inspection | None:
        if server.tries >= TRIES:
            server.over, server.until = True, inf
            server.remark = f"{server.url} is not known: nobody told the end of {TRIES} probes"
            return None
        self._number += 1
        lane, at_once = server.desk.lane, self._at_once(server)
        given = Inspection(number=self._number, lane=lane.name, url=server.url, most_at_once=at_once)
        server.given, server.worker, server.until = given, worker, self.clock() + GIVEN_S
        server.why, worst_nano = f"probe {given.number} of {server.url} at {self.clock():.3f}", lane.price.of(most_tokens(at_once))
        booked = await self.desk.ask(Probe(lane=lane.name, why=server.why, worst_nano=worst_nano))
        if isinstance(booked, OverBudget):
            server.over, server.until = True, inf
            server.remark = f"{server.url} is not known: a probe may cost ${worst_nano / NANO_USD:.6f}, and so much is not left"
            return None
        server.tries += 1
        return given

    def _at_once(self, server: _Server) -> int:
        """A machine of one's own is asked how much at once helps; a cloud is limited by its rate, and its calls cost."""
        lane = server.desk.lane
        mine = max(1, lane.limits.max_in_flight // len(lane.urls))
        return min(MOST_AT_ONCE, mine) if lane.kind is LaneKind.LOCAL else 1

    def _keep(self, server: _Server, findings: Findings) -> list[Transition]:
        server.findings, server.over, server.remark, server.tries, server.until = findings, True, "", 0, 0.0
        if findings.trouble is None:
            server.desk.bills(findings.beyond)
            server.desk.measured(server.url, findings.parallel, tried=self._at_once(server))
            return []
        failed = Failed(trouble=findings.trouble, problem=findings.problem)
        return list(server.desk.refused_probe(server.url, failed, self.clock(), chance=self.chance()))

    async def _tell(self, server: _Server, findings: Findings, transitions: list[Transition]) -> None:
        """For people, each once."""
        assert server.given is not None
        key = f"{server.desk.lane.name}/{server.why}"
        message = "; ".join(findings.sentences) or "does all that it is asked"
        await self.desk.ask(Tell(key=key, kind="LaneProbed", message=f"{server.desk.lane.name} at {server.url}: {message}"))
        for each in transitions:
            await self.desk.ask(Tell(key=f"{key}/{each.after}", kind=f"Lane{each.after}", message=each.sentence))
