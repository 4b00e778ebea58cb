"""What the shared memory takes in: answers that somebody vouches for, and failures as what they are.

Taking in only what was checked, and giving up what did harm, gained ten points over keeping everything (arXiv 2505.16067): a wrong
record is followed as readily as a right one.
"""

from dataclasses import dataclass
from enum import StrEnum

_SAME = 0.97  # cosine from which on two questions are one, with the built-in embedding; punctuation and case already make no difference


class Verified(StrEnum):
    """Who vouches for a record; the words of the shared memory."""

    NONE = "none"
    LABEL = "label"
    AGREEMENT = "agreement"
    JUDGE = "judge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """A record that could be taken in.

    Attributes:
        agreement: Share of votes for its answer; 1 when all gave it.
        voters: How many voted: one alone always agrees.
        label_right: Whether it is the right answer, where that is known.
        judged_right: What a judge says, where there is one.
        nearest: Cosine to the nearest record with the same answer; None without one.
    """

    agreement: float
    voters: int
    label_right: bool | None = None
    judged_right: bool | None = None
    nearest: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """Whether a record is taken in.

    Attributes:
        admitted: Whether it is.
        verified: Who vouches for it.
        pitfall: It is known to be wrong: only what to beware of is kept, not the answer.
        reason: A sentence why.
    """

    admitted: bool
    verified: Verified
    pitfall: bool = False
    reason: str


def admitted(proposed: Proposed, *, least_agreement: float = 1.0) -> Admission:
    """Whether `proposed` is taken in; a label counts for more than a judge, a judge for more than agreement.

    Args:
        proposed: The record.
        least_agreement: Share of votes that vouches for an answer.
    """
    if proposed.nearest is not None and proposed.nearest >= _SAME and proposed.label_right is not False:
        return Admission(admitted=False, verified=Verified.NONE, reason="The memory has the same question with the same answer.")
    for verified, right in ((Verified.LABEL, proposed.label_right), (Verified.JUDGE, proposed.judged_right)):
        if right is not None:
            kept = "It is right" if right else "It is wrong, so that only what to beware of is kept"
            reason = f"{kept}, says the {verified}."
            return Admission(admitted=True, verified=verified, pitfall=not right, reason=reason)
    if proposed.voters > 1 and proposed.agreement >= least_agreement:
        return Admission(admitted=True, verified=Verified.AGREEMENT, reason=f"All that is asked for of {proposed.voters} experts agree.")
    return Admission(admitted=False, verified=Verified.NONE, reason="Nobody vouches for it: no label, no judge, not enough agreement.")
