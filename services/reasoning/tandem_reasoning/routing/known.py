"""What is known of a question before anybody is asked: all that a policy may rest on."""

from collections.abc import Sequence
from dataclasses import dataclass

from tandem_reasoning.values import LaneKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """A question alike that both lanes answered.

    Attributes:
        similarity: Cosine to the question at hand, -1 to 1.
        agreed: 1 when the lanes gave the same answer, 0 when they did not; between where the cloud lane was spared and
            `escalation.Reliability.agrees` says how sure the local vote was.
    """

    similarity: float
    agreed: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneView:
    """How a lane stands now.

    Attributes:
        name: Its name.
        kind: Whose machine it is.
        ready: Whether it can be asked.
        payable: Whether the dollars reach for an answer to this question, as far as is known.
        answer_nano: What an answer costs with it, as far as is known, nano-dollars.
        load: Calls in flight over calls that may be: 0 idle, 1 full.
    """

    name: str
    kind: LaneKind
    ready: bool = True
    payable: bool = True
    answer_nano: int = 0
    load: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """Questions of which it is known whether the lanes agree, or will be.

    Attributes:
        there: So many both lanes have answered.
        coming: So many both lanes are being asked.
    """

    there: int = 0
    coming: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What a policy is told.

    Attributes:
        lanes: All lanes of the run.
        draw: A uniform number, 0 to less than 1, the item's own (`draws.uniform`): policies have no other chance.
        neighbours: Questions alike that have a label, nearest first.
        labels: How many questions of the run have such a label by now, or will soon.
        kind: Class of the question; empty when it has none.
        labels_of_kind: How many of its class.
        kinds: How many questions of the run each of its classes has.
        left_nano: Dollars that are neither spent nor reserved, nano-dollars; None where they need not last.
        pressure: Seconds that the rest would take over seconds that are left: more than 1 is late; 0 without a deadline.
    """

    lanes: Sequence[LaneView]
    draw: float
    neighbours: Sequence[Neighbour] = ()
    labels: Labels = Labels()
    kind: str = ""
    labels_of_kind: Labels = Labels()
    kinds: tuple[int, ...] = ()
    left_nano: int | None = None
    pressure: float = 0.0
