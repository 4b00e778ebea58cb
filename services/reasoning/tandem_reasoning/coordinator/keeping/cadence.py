"""When a snapshot is due: after so many seconds or answers, whichever comes first, and as soon as much money was spent. Pure.

Money counts because it is what a lost disk must not forget. When half of the stretch that a restored ledger will book as spent is used
up, a snapshot is taken at once; the other half is for what is spent while it is taken. A store that takes no snapshots does not stop a
run, since answers are worth more: then more may be spent than is booked after a loss, and the log says so.
"""

from dataclasses import dataclass

RESTS = 9
"""Times as long as the last snapshot took nobody takes one for seconds' or answers' sake: a tenth of the time goes into them at most. A
ledger of 50,000 questions takes seconds, and thirty of them may be answered in one."""

UNSEEN = 20
"""The stretch is this part of the budget: small enough to lose, and large enough that a snapshot a minute is not the bottleneck."""


def unseen_nano(cap_nano: int | None) -> int:
    """What may be spent between two snapshots, nano-dollars; 0 without a cap, since then nothing has to be kept."""
    return 0 if cap_nano is None else cap_nano // UNSEEN


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """How far a run has come.

    Attributes:
        at: Monotonic seconds.
        answered: Questions that are done or have failed.
        spent_nano: What is spent and set aside.
        calls: That are recorded.
    """

    at: float
    answered: int
    spent_nano: int
    calls: int

    def moved(self, since: "Mark") -> bool:
        """Whether there is anything to take a snapshot of."""
        return (self.answered, self.spent_nano, self.calls) != (since.answered, since.spent_nano, since.calls)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cadence:
    """How often.

    Attributes:
        every_s: Seconds between two, at most.
        every_questions: Answers between two, at most.
    """

    every_s: float
    every_questions: int

    def due(self, now: Mark, last: Mark, *, cap_nano: int | None, took_s: float = 0.0) -> bool:
        """Whether a snapshot is to be taken now.

        Args:
            now: How far the run has come.
            last: How far it had when the last one was begun.
            cap_nano: Most that may be spent.
            took_s: How long the last one took.
        """
        if not now.moved(last):
            return False
        if cap_nano and 2 * (now.spent_nano - last.spent_nano) >= unseen_nano(cap_nano):
            return True
        passed = now.at - last.at
        waited = passed >= self.every_s or now.answered - last.answered >= self.every_questions
        return waited and passed >= (1 + RESTS) * took_s
