"""How tests ask a ledger: jobs with what does not matter filled in."""

from collections.abc import Callable

from tandem_reasoning.ledger import (
    Claim,
    Complete,
    Hold,
    Intend,
    Lease,
    Ledger,
    Load,
    Memory,
    Outcome,
    Reserved,
    Settle,
    Settled,
)
from tandem_reasoning.values import Call, CallPlace, Question, Usage

OpenLedger = Callable[..., Ledger]
LEASE_S = 60.0


def question(name: str, text: str = "") -> Question:
    return Question(id=name, text=text or f"what is {name}?", answer="42", kind="k")


def load(ledger: Ledger, *names: str) -> int:
    return ledger.do(Load(questions=tuple(question(name) for name in names)), now=0)


def claim(ledger: Ledger, count: int = 1, *, now: float = 0, worker: str = "w") -> tuple[Lease, ...]:
    return ledger.do(Claim(worker=worker, count=count, lease_s=LEASE_S), now=now)


def one(ledger: Ledger, *, now: float = 0, worker: str = "w") -> Lease:
    (lease,) = claim(ledger, now=now, worker=worker)
    return lease


def call(key: str, item: str, cost_nano: int = 5, lane: str = "cloud", answer: str = "yes") -> Call:
    usage = Usage(input_tokens=3, output_tokens=2)
    place = CallPlace(item=item, step=1, expert="reasoning")
    return Call(key=key, place=place, lane=lane, answer=answer, usage=usage, cost_nano=cost_nano, seconds=0.5, memory_version=7)


def intend(hold: Hold, key: str, worst_nano: int = 10, *, lane: str = "cloud", copy: int = 0) -> Intend:
    return Intend(hold=hold, key=key, lane=lane, worst_nano=worst_nano, copy=copy)


def reserve(ledger: Ledger, hold: Hold, key: str, worst_nano: int = 10, *, lane: str = "cloud", copy: int = 0) -> int:
    """The ticket."""
    done = ledger.do(intend(hold, key, worst_nano, lane=lane, copy=copy), now=0)
    assert isinstance(done, Reserved), done
    return done.ticket


def settle(ledger: Ledger, ticket: int, paid: Call, *memories: Memory) -> Settled:
    return ledger.do(Settle(ticket=ticket, call=paid, memories=memories), now=0)


def complete(hold: Hold, answer: str = "yes", lane: str = "cloud", *memories: Memory) -> Complete:
    return Complete(hold=hold, outcome=Outcome(answer=answer, lane=lane), memories=memories)
