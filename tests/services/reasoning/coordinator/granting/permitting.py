"""A coordinator's permits over a real ledger, at a time that the test sets."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tandem_reasoning.coordinator.granting.affording import Affording
from tandem_reasoning.coordinator.granting.lane_desk import LaneDesk
from tandem_reasoning.coordinator.granting.permits import Go, Permits, Wanted
from tandem_reasoning.lanes.hedging import Hedging
from tandem_reasoning.lanes.outcome import Answered, Failed, Trouble
from tandem_reasoning.ledger import Claim, Desk, Ledger, Load
from tandem_reasoning.values import CallPlace, Hold, Lane, LaneKind, Limits, Price, Question, Usage

from tests.services.reasoning.coordination import job

LEASE_S = 60.0
MOST = Usage(input_tokens=10, output_tokens=20)
PACELESS = Limits(requests_per_minute=1_000_000, max_in_flight=64)
UNREACHABLE = Failed(trouble=Trouble.UNREACHABLE, problem="nobody answers at the address")


@dataclass
class Clock:
    """Seconds, as the test has them."""

    now: float = 1_000.0

    def __call__(self) -> float:
        return self.now


def lane(name: str = "local", *urls: str, price: Price | None = None, limits: Limits | None = None) -> Lane:
    """One that costs nothing and has one server, if nothing else is said."""
    kind = LaneKind.CLOUD if name.startswith("cloud") else LaneKind.LOCAL
    return Lane(name=name, kind=kind, urls=urls or (f"http://{name}/v1",), model="m", price=price or Price(), limits=limits or PACELESS)


def answered(seconds: float = 1.0) -> Answered:
    """A short answer."""
    return Answered(text="so", usage=Usage(input_tokens=5, output_tokens=5), seconds=seconds)


@dataclass(kw_only=True)
class Permitting:
    """Permits, and all around them."""

    clock: Clock
    ledger: Ledger
    desk: Desk
    lanes: dict[str, LaneDesk]
    permits: Permits

    async def leased(self, worker: str, count: int = 1, *, lease_s: float = LEASE_S) -> list[Hold]:
        """Items for a worker."""
        leases = await self.desk.ask(Claim(worker=worker, count=count, lease_s=lease_s))
        return [lease.hold for lease in leases]

    async def go(self, wanted: Wanted) -> Go:
        """Leave that is given."""
        answer = await self.permits.permit(wanted)
        assert isinstance(answer, Go), answer
        return answer


def wanted(hold: Hold, *, worker: str = "one", lane: str = "local", key: str = "", beside: int = 0) -> Wanted:
    """A call of the only expert."""
    place = CallPlace(item=hold.item, step=1, expert="critic")
    return Wanted(worker=worker, hold=hold, place=place, key=key or f"key of {hold.item}", lane=lane, most=MOST, beside=beside)


@asynccontextmanager
async def permitting(
    folder: Path,
    lanes: Sequence[Lane],
    *,
    items: int = 4,
    cap_nano: int | None = None,
    hedging: Hedging | None = None,
    longer: Mapping[str, int] | None = None,
) -> AsyncIterator[Permitting]:
    """Permits for lanes, and so many items; some may be said to be longer, by so many bytes."""
    clock = Clock()
    ledger = Ledger(folder / "ledger.sqlite", run="r", cap_nano=cap_nano, max_attempts=1000)
    desk, desks = Desk(ledger, clock), {each.name: LaneDesk(each) for each in lanes}
    more = {"experts": [{"name": "critic"}], "tries": 3, "leaseSeconds": LEASE_S, "thinking": {"callSeconds": 30.0}}
    told = job({each.name: each.urls for each in lanes}, **more)
    affording = Affording([each.name for each in lanes], lambda item: (longer or {}).get(item, 0))
    permits = Permits(told, desk, desks, affording=affording, hedging=hedging, clock=clock, chance=lambda: 0.5)
    try:
        await desk.ask(Load(questions=tuple(Question(id=f"q{number}", text="?") for number in range(items))))
        yield Permitting(clock=clock, ledger=ledger, desk=desk, lanes=desks, permits=permits)
        await desk.close()
        assert ledger.check() == ()
    finally:
        await asyncio.sleep(0)
        ledger.close()
