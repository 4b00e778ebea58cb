"""One lane at the coordinator: how it stands, how fast it may be asked, and which of its servers a call goes to.

All of it is in memory: a coordinator that is started anew finds out again, and is careful meanwhile since the pacer begins empty.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from tandem_reasoning.lanes import state as stands
from tandem_reasoning.lanes.outcome import Failed, Outcome, Trouble
from tandem_reasoning.lanes.pacing.pacer import Later, Pacer
from tandem_reasoning.lanes.standing import Phase
from tandem_reasoning.lanes.state import Way
from tandem_reasoning.lanes.transition import Transition
from tandem_reasoning.values import Lane, Usage

_LEAST_WAIT_S = 0.01  # a wait of nothing would be a busy loop
_MOMENT_S = 30.0  # a limit of the minute passes sooner; who wants to be left alone for longer is not waited for while others answer
_UNHEARD = Failed(trouble=Trouble.CUT, problem="hung up on")  # for the pacer, to which it is only a call that has ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """A call may be made `wait_s` seconds from now: which way, and the pacer's number for it."""

    permit: int
    way: Way
    wait_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """A call may be asked for again in `wait_s` seconds."""

    wait_s: float
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shut:
    """Nothing but a person or another key helps."""

    why: str


class LaneDesk:
    """A lane.

    Attributes:
        lane: Which.
        beyond: How many times its worst case a call has cost at most; as many times is set aside for the next.
    """

    def __init__(self, lane: Lane) -> None:
        self.lane, self.beyond = lane, 1.0
        self._state, self._pacer = stands.begin(lane), Pacer(lane.limits)
        self._rooms: dict[str, int] = {}  # calls at once that a server gets anything out of, where that is known
        self._under_way: Counter[str] = Counter()

    @property
    def phase(self) -> Phase:
        """How it stands."""
        return self._state.phase

    @property
    def problem(self) -> str:
        """Why it is not ready, in the words of the server; empty when it is."""
        return self._state.problem

    @property
    def in_flight(self) -> int:
        """Calls that are being made."""
        return self._pacer.in_flight

    @property
    def refused(self) -> int:
        """Calls that the lane refused because they were too many."""
        return self._pacer.refused

    @property
    def most_in_flight(self) -> int:
        """Calls that may be: as the user says, and no more than its servers get anything out of."""
        return min(self.lane.limits.max_in_flight, sum(map(self._room, self.lane.urls)))

    @property
    def load(self) -> float:
        """Calls in flight over calls that may be."""
        return self.in_flight / self.most_in_flight

    def phase_of(self, url: str) -> Phase:
        """How one of its servers stands."""
        return self._state.servers[url].phase

    def ready(self, now: float) -> bool:
        """Whether it can be asked, now or in a moment."""
        wait_s = stands.wait_s(self._state, now)
        return wait_s == 0 or (self._state.phase is Phase.THROTTLED and wait_s <= _MOMENT_S)

    def idle(self, url: str) -> int:
        """Calls that a server of it could take on at once."""
        return max(0, self._room(url) - self._under_way[url])

    def measured(self, url: str, parallel: int | None, *, tried: int) -> None:
        """A probe found up to how many calls at once one of its servers gets more done; it is given one more, so that none waits for us.

        Args:
            url: Which server.
            parallel: So many; None where it was not tried.
            tried: How many were tried at most: where twice as many were not, it is no bound.
        """
        if parallel is not None and 2 * parallel <= tried:
            self._rooms[url] = parallel + 1
        self._pacer.at_most(self.most_in_flight)

    def bills(self, times: float) -> None:
        """A call cost so many times its worst case: its server writes more than it is asked for, or counts otherwise."""
        self.beyond = max(self.beyond, times)

    def worst_nano(self, most: Usage) -> int:
        """What a call may cost."""
        return ceil(self.lane.price.of(most) * self.beyond)

    def refused_probe(self, url: str, failed: Failed, now: float, *, chance: float) -> Sequence[Transition]:
        """A probe got no answer: the server is not asked until it is well; how the lane stands otherwise."""
        heard = stands.refused_probe(self._state, url, failed, now, chance=chance)
        self._state = heard.state
        return heard.transitions

    def key_seen(self, stamp: str) -> None:
        """A worker shows a key with this stamp."""
        self._state = stands.key_seen(self._state, stamp)

    def permit(
        self, worker: str, most_tokens: int, expert: int, now: float, *, deadline_s: float, at: str | None = None
    ) -> Granted | Put | Shut:
        """Leave to make a call, or when to ask again.

        Args:
            worker: Who asks.
            most_tokens: The most that the call can read and write.
            expert: Number of the expert: each has a server that it prefers, so that its prompts are alike there.
            now: Monotonic seconds.
            deadline_s: Of the call.
            at: The server that it is to go to; None for any.
        """
        ways = [way for way in stands.ways(self._state, now) if at in {None, way.url}]
        if not ways:
            wait_s = stands.wait_s(self._state, now)
            return Put(wait_s=max(wait_s, _LEAST_WAIT_S), why=self.problem) if wait_s < float("inf") else Shut(why=self.problem)
        permit = self._pacer.permit(worker, most_tokens, now)
        if isinstance(permit, Later):
            return Put(wait_s=max(permit.wait_s, _LEAST_WAIT_S), why=permit.why)
        way = self._preferred(ways, expert)
        self._state = stands.asked(self._state, way, now, deadline_s=deadline_s)
        self._under_way[way.url] += 1
        return Granted(permit=permit.id, way=way, wait_s=permit.wait_s)

    def settled(self, granted: Granted, outcome: Outcome, now: float, *, chance: float, stamp: str) -> Sequence[Transition]:
        """What came of a call; how the lane stands otherwise after it."""
        self._under_way[granted.way.url] -= 1
        self._pacer.settle(granted.permit, outcome, now)
        return self.heard(granted.way, outcome, now, chance=chance, stamp=stamp)

    def heard(self, way: Way, outcome: Outcome, now: float, *, chance: float, stamp: str) -> Sequence[Transition]:
        """The same for a call whose permit is not known any more."""
        heard = stands.heard(self._state, way, outcome, now, chance=chance, stamp=stamp)
        self._state = heard.state
        return heard.transitions

    def looked(self, now: float) -> Sequence[Transition]:
        """How the lane stands otherwise by time alone."""
        heard = stands.looked(self._state, now)
        self._state = heard.state
        return heard.transitions

    def given_back(self, granted: Granted) -> None:
        """The call is not made after all."""
        self._under_way[granted.way.url] -= 1
        self._pacer.give_back(granted.permit)
        self._state = stands.called_off(self._state, granted.way)

    def lost(self, granted: Granted) -> None:
        """Nobody will tell the end of the call."""
        self._under_way[granted.way.url] -= 1
        self._pacer.settle(granted.permit, _UNHEARD, 0.0)
        self._state = stands.called_off(self._state, granted.way)

    def forget(self, worker: str) -> None:
        """A worker is gone: its turn is nobody's, and its calls count and are waited for no longer."""
        self._pacer.lost(worker)

    def _room(self, url: str) -> int:
        """Calls at once for one of its servers; at least one each, or a lane of many servers would have none."""
        return self._rooms.get(url, max(1, self.lane.limits.max_in_flight // len(self.lane.urls)))

    def _preferred(self, ways: Sequence[Way], expert: int) -> Way:
        """The server with least under way. One that may be well again goes first: else it never would be, beside others that are."""
        urls = self.lane.urls
        return min(ways, key=lambda way: (not way.trial, self._under_way[way.url], (urls.index(way.url) - expert) % len(urls)))
