"""Decides whether a lane may be asked and at which of its servers, and says each change once, with what a person can do about it. Pure.

Each server stands by itself, so one that is dead does not shut a lane of three; the key and the purse belong to all of them. Values go in
and come out; `now` is in seconds on a clock that never goes back, `chance` is drawn from 0 to 1 by the caller.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from tandem_reasoning.lanes import standing as stands
from tandem_reasoning.lanes.outcome import Failed, Outcome, Trouble
from tandem_reasoning.lanes.standing import Phase, Standing
from tandem_reasoning.lanes.transition import Transition
from tandem_reasoning.values import Lane


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneState:
    """How a lane stands.

    Attributes:
        lane: Its name.
        account: Its key and purse: Ready, Exhausted or Unauthorized.
        servers: Each server by its url: Ready, Throttled or Open.
    """

    lane: str
    account: Standing
    servers: Mapping[str, Standing]

    @property
    def phase(self) -> Phase:
        """Of the whole lane: the account's, if that is shut; else as good as its best server."""
        if self.account.phase is not Phase.READY:
            return self.account.phase
        return min((server.phase for server in self.servers.values()), key=_GOODNESS.index)

    @property
    def problem(self) -> str:
        """Why it is in its phase, in the words of a server; empty when it is ready."""
        shut = (self.account, *self.servers.values())
        return next((each.problem for each in shut if each.phase is self.phase), "")


_GOODNESS = (Phase.READY, Phase.THROTTLED, Phase.OPEN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A server that may be asked now; with `trial` by this one call alone, which tries whether it is well again."""

    url: str
    trial: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A state, and what changed on the way to it; each change is in exactly one of them."""

    state: LaneState
    transitions: tuple[Transition, ...] = ()


def begin(lane: Lane) -> LaneState:
    """A lane of which nothing is known: ready."""
    return LaneState(lane=lane.name, account=Standing(), servers={url: Standing() for url in lane.urls})


def ways(state: LaneState, now: float) -> tuple[Way, ...]:
    """Where a call may go now, servers in the lane's order; those that are well before those on trial, none if the lane is shut."""
    if not stands.free(state.account, now):
        if not stands.on_trial(state.account, now):
            return ()
        return tuple(Way(url=url, trial=True) for url, server in state.servers.items() if _open_to(server, now))[:1]
    well = tuple(Way(url=url) for url, server in state.servers.items() if stands.free(server, now))
    return well + tuple(Way(url=url, trial=True) for url, server in state.servers.items() if stands.on_trial(server, now))


def wait_s(state: LaneState, now: float) -> float:
    """Seconds until there may be a way; 0 when there is one, infinite when only a person can help."""
    if ways(state, now):
        return 0.0
    servers = min(stands.asked_again_at(server, now) for server in state.servers.values())
    return max(servers, stands.asked_again_at(state.account, now)) - now


def asked(state: LaneState, way: Way, now: float, *, deadline_s: float) -> LaneState:
    """With a call under way. Only one that tries a server or account makes a difference: until its deadline there is no second one."""
    if not way.trial:
        return state
    server = state.servers[way.url]
    if not stands.free(server, now):
        server = stands.tried(server, now, deadline_s)
    account = state.account if stands.free(state.account, now) else stands.tried(state.account, now, deadline_s)
    return replace(state, account=account, servers={**state.servers, way.url: server})


def called_off(state: LaneState, way: Way) -> LaneState:
    """With a call that nobody will tell the end of: if it was a trial, another one may be made at once."""
    if not way.trial:
        return state
    servers = {**state.servers, way.url: stands.untried(state.servers[way.url])}
    return replace(state, account=stands.untried(state.account), servers=servers)


def heard(state: LaneState, way: Way, outcome: Outcome, now: float, *, chance: float, stamp: str = "") -> Heard:
    """How the lane stands after a call.

    Args:
        state: How it stood.
        way: Which way the call went.
        outcome: What came of it.
        now: When that was known.
        chance: For the jitter.
        stamp: Of the key that was shown.
    """
    account = stands.account_after(state.account, outcome, now, trial=way.trial, stamp=stamp)
    server = stands.server_after(state.servers[way.url], outcome, now, trial=way.trial, chance=chance)
    return _changed(state, replace(state, account=account, servers={**state.servers, way.url: server}), now)


def refused_probe(state: LaneState, url: str, failed: Failed, now: float, *, chance: float) -> Heard:
    """How the lane stands after a probe got no answer from one of its servers: that one is shut at once, since nothing speaks for it."""
    if failed.trouble in (Trouble.THROTTLED, Trouble.EXHAUSTED, Trouble.UNAUTHORIZED):
        return heard(state, Way(url=url), failed, now, chance=chance)
    server = stands.opened(state.servers[url], failed, now, chance)
    return _changed(state, replace(state, servers={**state.servers, url: server}), now)


def looked(state: LaneState, now: float) -> Heard:
    """How the lane stands by time alone: limits of the minute pass."""
    servers = {url: stands.passed(server, now) for url, server in state.servers.items()}
    return _changed(state, replace(state, servers=servers), now) if servers != state.servers else Heard(state=state)


def key_seen(state: LaneState, stamp: str) -> LaneState:
    """A key with this stamp is there: if the lane refused another, it is tried at once."""
    refused = state.account.phase is Phase.UNAUTHORIZED and stamp not in ("", state.account.refused_stamp)
    return replace(state, account=stands.at_once(state.account)) if refused else state


def _open_to(server: Standing, now: float) -> bool:
    return stands.free(server, now) or stands.on_trial(server, now)


def _changed(before: LaneState, after: LaneState, now: float) -> Heard:
    """What is to be said: of each server where there are several, then of the lane."""
    said: list[Transition] = []
    if len(after.servers) > 1:
        for url, server in after.servers.items():
            if server.phase is not before.servers[url].phase:
                said.append(_transition(after.lane, url, before.servers[url].phase, server, now))
    if after.phase is not before.phase:
        shut = (after.account, *after.servers.values())
        standing = min((each for each in shut if each.phase is after.phase), key=lambda each: each.until)
        said.append(_transition(after.lane, "", before.phase, standing, now))
    return Heard(state=after, transitions=tuple(said))


def _transition(lane: str, url: str, before: Phase, standing: Standing, now: float) -> Transition:
    return Transition(
        lane=lane,
        url=url,
        before=before,
        after=standing.phase,
        problem=standing.problem,
        wait_s=max(0.0, standing.until - now),
        errors=standing.errors,
        calls=len(standing.recent),
    )
