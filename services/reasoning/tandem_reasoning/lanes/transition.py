"""A change of how a lane or one of its servers stands, and the sentence that tells a person about it and what to do. Values only."""

from dataclasses import dataclass

from tandem_reasoning.lanes.standing import EXHAUSTED_S, Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """From one phase to another; for a condition and an event.

    Attributes:
        lane: Name of the lane.
        url: Which of its servers; empty when it is the whole lane.
        before: The phase that ended.
        after: The phase that began.
        problem: Why, in the words of the server.
        wait_s: Until it is asked again, seconds; infinite where time does not help.
        errors: How many of the last calls failed.
        calls: How many those were.
    """

    lane: str
    url: str
    before: Phase
    after: Phase
    problem: str
    wait_s: float
    errors: int
    calls: int

    @property
    def sentence(self) -> str:
        """What is the matter and what to do about it, in one line."""
        who = f"{self.lane} at {self.url}" if self.url else self.lane
        why = f": {self.problem}" if self.problem else ""
        return _SENTENCES[self.after].format(
            who=who,
            why=why,
            wait=f"{max(1, round(min(self.wait_s, _FOREVER_S)))} s",
            failed=f"{self.errors} of the last {self.calls} calls failed",
            every=f"{EXHAUSTED_S / 60:.0f} minutes",
        )


_FOREVER_S = 1e9  # an infinite wait cannot be rounded, and no sentence shows it
_SENTENCES = {
    Phase.READY: "{who} may be asked again",
    Phase.THROTTLED: "{who} wants to be left alone for {wait}{why}; nothing to do, or lower its limits if this comes often",
    Phase.EXHAUSTED: "{who} has no credit left{why}; top up the account (tried again every {every}), the other lanes go on",
    Phase.UNAUTHORIZED: "{who} has no valid key{why}; give it one (apiKeyVariable, or the Secret of apiKeySecret); tried once it is there",
    Phase.OPEN: "{who} is not asked for now, {failed}{why}; see the server's log (tried again in {wait})",
}
