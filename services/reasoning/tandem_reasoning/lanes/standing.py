"""Decides how one server of a lane stands, or the account that pays for it, after each call: may it be asked, when again, and by how many.

As a circuit breaker does (M. Nygard, Release It!), with two more ways to be shut: a limit of the minute, which passes by itself, and an
account that is empty or refused, which needs a person. What is shut and does not pass by itself is tried by one call at a time. Pure.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from math import inf

from tandem_reasoning.lanes.backoff import pause_s
from tandem_reasoning.lanes.outcome import Answered, Failed, Outcome, Trouble

RECENT = 20
"""Calls that a server is judged by."""
ERRORS = RECENT // 2
"""As many errors among them, and it is not asked: half of all that is sent there is lost."""
UNREACHABLE = 5
"""As many in a row where nobody listened are enough by themselves: that is no bad luck."""
NOBODY_S = 10.0
"""As long without anybody who listened is enough, too: of a machine that lost its power each call waits that long for a connection."""
EXHAUSTED_S = 600.0
"""Between two tries of an account that is empty: each is a call that fails, and people take minutes to pay."""


class Phase(StrEnum):
    """How a lane or one of its servers stands."""

    READY = "Ready"
    THROTTLED = "Throttled"
    EXHAUSTED = "Exhausted"
    UNAUTHORIZED = "Unauthorized"
    OPEN = "Open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a server or an account stands. Times are seconds on one clock that never goes back.

    Attributes:
        phase: As far as calls have shown it.
        until: When it may be asked again, if it is shut; infinite where time does not help.
        trial_until: While one call tries whether it is well again, no other does; should that call never end, until then.
        streak: How often in a row it was found shut.
        recent: What came of the last calls; None for an answer.
        heard_at: When the server last said anything over HTTP; calls that began before that prove nothing against it.
        nobody_since: Since when nobody listened; None if there was an answer since.
        problem: Why it is shut, in the words of the server.
        refused_stamp: Stamp of the key that was refused.
    """

    phase: Phase = Phase.READY
    until: float = 0.0
    trial_until: float = 0.0
    streak: int = 0
    recent: tuple[Trouble | None, ...] = ()
    heard_at: float = -inf
    nobody_since: float | None = None
    problem: str = ""
    refused_stamp: str = ""

    @property
    def errors(self) -> int:
        """Errors among the last calls."""
        return sum(trouble is not None for trouble in self.recent)


def free(standing: Standing, now: float) -> bool:
    """Whether it may be asked by anybody."""
    return standing.phase is Phase.READY or (standing.phase is Phase.THROTTLED and standing.until <= now)


def on_trial(standing: Standing, now: float) -> bool:
    """Whether one call may try if it is well again."""
    return not free(standing, now) and standing.phase is not Phase.THROTTLED and max(standing.until, standing.trial_until) <= now


def asked_again_at(standing: Standing, now: float) -> float:
    """When a call may be made, as far as is known now; `now` if it may be at once."""
    if free(standing, now):
        return now
    return max(now, standing.until, 0.0 if standing.phase is Phase.THROTTLED else standing.trial_until)


def tried(standing: Standing, now: float, deadline_s: float) -> Standing:
    """With a call under way that tries whether it is well again."""
    return replace(standing, trial_until=now + deadline_s)


def untried(standing: Standing) -> Standing:
    """With the trial called off: it told nothing, and the next call may be one."""
    return replace(standing, trial_until=0.0)


def at_once(standing: Standing) -> Standing:
    """May be tried now, since a person or a new key says so."""
    return standing if standing.phase is Phase.READY else replace(standing, until=0.0, trial_until=0.0)


def passed(standing: Standing, now: float) -> Standing:
    """As time alone has it: a limit of the minute is over."""
    over = standing.phase is Phase.THROTTLED and standing.until <= now
    return replace(standing, phase=Phase.READY, problem="") if over else standing


def server_after(standing: Standing, outcome: Outcome, now: float, *, trial: bool, chance: float) -> Standing:
    """How a server stands after a call.

    Args:
        standing: How it stood.
        outcome: What came of the call.
        now: When.
        trial: Whether the call was one that tried if it is well again; others, begun before it was shut, open nothing.
        chance: Drawn from 0 to 1, for the jitter.
    """
    if standing.phase is Phase.OPEN and not trial:
        return standing
    standing = _listened(standing, outcome, now)
    if isinstance(outcome, Failed) and outcome.trouble is Trouble.THROTTLED:
        return _throttled(standing, outcome, now, chance)
    if isinstance(outcome, Failed) and outcome.trouble in (Trouble.EXHAUSTED, Trouble.UNAUTHORIZED):
        return replace(standing, trial_until=0.0) if trial else standing  # of the account; nothing against this server
    error = outcome.trouble if isinstance(outcome, Failed) and outcome.trouble.of_the_server else None
    if standing.phase is Phase.OPEN:  # and this was its trial
        return Standing() if error is None or not isinstance(outcome, Failed) else opened(standing, outcome, now, chance)
    recent = (*standing.recent, error)[-RECENT:]
    standing = replace(standing, recent=recent, streak=0 if error is None else standing.streak)
    if isinstance(outcome, Failed) and (_broken(recent) or _nobody_there(standing, now)):
        return opened(standing, outcome, now, chance)
    return standing


def opened(standing: Standing, failed: Failed, now: float, chance: float) -> Standing:
    """Not asked until a trial shows that it is well; each time that it was not, the next trial is later."""
    streak = standing.streak + 1 if standing.phase is Phase.OPEN else 1
    until = now + pause_s(streak, chance=chance, told_s=failed.after_s, first_s=_FIRST_TRIAL_S, most_s=_LAST_TRIAL_S)
    return Standing(phase=Phase.OPEN, until=until, streak=streak, recent=standing.recent or (failed.trouble,), problem=failed.problem)


def account_after(standing: Standing, outcome: Outcome, now: float, *, trial: bool, stamp: str) -> Standing:
    """How the account stands after a call; `stamp` is of the key that was shown."""
    trouble = outcome.trouble if isinstance(outcome, Failed) else None
    if isinstance(outcome, Failed) and trouble is Trouble.UNAUTHORIZED:
        return Standing(phase=Phase.UNAUTHORIZED, until=inf, streak=standing.streak + 1, problem=outcome.problem, refused_stamp=stamp)
    if isinstance(outcome, Failed) and trouble is Trouble.EXHAUSTED:
        if standing.phase is Phase.UNAUTHORIZED and not trial:
            return standing
        return Standing(phase=Phase.EXHAUSTED, until=now + EXHAUSTED_S, streak=standing.streak + 1, problem=outcome.problem)
    if standing.phase is Phase.READY or not trial:
        return standing
    if isinstance(outcome, Answered) or outcome.trouble.of_the_item:
        return Standing()
    return replace(standing, trial_until=0.0, until=now + EXHAUSTED_S)  # the server had something else to say, and nothing about this


def _throttled(standing: Standing, refusal: Failed, now: float, chance: float) -> Standing:
    """A limit of the minute. Of several refusals the one that asks for most counts; one that is open answers, and so is open no more."""
    streak = standing.streak if standing.phase is Phase.THROTTLED and standing.until > now else standing.streak + 1
    until = now + pause_s(streak, chance=chance, told_s=refusal.after_s)
    if standing.phase is Phase.THROTTLED:
        until = max(until, standing.until)
    recent = () if standing.phase is Phase.OPEN else standing.recent
    return Standing(phase=Phase.THROTTLED, until=until, streak=streak, recent=recent, problem=refusal.problem)


def _listened(standing: Standing, outcome: Outcome, now: float) -> Standing:
    """With what a call tells of whether anybody listens: one that was cut off or took too long tells nothing."""
    if isinstance(outcome, Failed) and outcome.trouble is Trouble.UNREACHABLE:
        begun = max(now - outcome.seconds, standing.heard_at)
        return replace(standing, nobody_since=begun if standing.nobody_since is None else standing.nobody_since)
    if isinstance(outcome, Failed) and outcome.status is None:
        return standing
    return replace(standing, heard_at=now, nobody_since=None)


def _nobody_there(standing: Standing, now: float) -> bool:
    return standing.nobody_since is not None and now - standing.nobody_since >= NOBODY_S


def _broken(recent: tuple[Trouble | None, ...]) -> bool:
    nobody = len(recent) >= UNREACHABLE and all(trouble is Trouble.UNREACHABLE for trouble in recent[-UNREACHABLE:])
    return nobody or sum(trouble is not None for trouble in recent) >= ERRORS


_FIRST_TRIAL_S = 5.0  # a server that was restarted loads a small model in that time
_LAST_TRIAL_S = 120.0
