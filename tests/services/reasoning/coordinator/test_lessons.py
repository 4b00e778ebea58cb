"""What a coordinator that begins has learned from the books."""

from contextlib import closing
from pathlib import Path

import pytest
from tandem_reasoning.coordinator.lessons import Lessons
from tandem_reasoning.ledger import Claim, Intend, Ledger, Load, Reserved, Settle
from tandem_reasoning.routing.learner import Learner
from tandem_reasoning.routing.policies.cascade import Cascade
from tandem_reasoning.routing.thresholds import LEARNING
from tandem_reasoning.values import Call, CallPlace, Question, Usage

from tests.services.reasoning.coordinator.granting.permitting import lane


@pytest.mark.parametrize(("paced_nano", "warmup"), [(10_000, 2), (None, LEARNING.warmup)])
def test_a_run_that_is_taken_up_again_asks_no_more_than_its_money_allows(tmp_path: Path, paced_nano: int | None, warmup: int) -> None:
    """A warm-up that was cut short for want of dollars is cut short at once, not only once it is time again; who spares none cuts none."""
    with closing(Ledger(tmp_path / "ledger.sqlite", run="r", cap_nano=10_000)) as ledger, closing(ledger.reader()) as reader:
        ledger.do(Load(questions=tuple(Question(id=f"q{n}", text="?") for n in range(40))), now=0)
        (lease,) = ledger.do(Claim(worker="one", count=1, lease_s=9), now=0)
        booked = ledger.do(Intend(hold=lease.hold, key="k", lane="cloud", worst_nano=1000), now=0)
        assert isinstance(booked, Reserved)
        place, usage = CallPlace(item="q0", step=1, expert="critic"), Usage(input_tokens=1, output_tokens=1)
        call = Call(key="k", place=place, lane="cloud", answer="2", usage=usage, cost_nano=1000, seconds=1.0, memory_version=0)
        ledger.do(Settle(ticket=booked.ticket, call=call), now=0)
        learner = Learner(Cascade())
        Lessons(learner, reader, lambda: ledger.sums, {each: lane(each) for each in ("here", "cloud")}, paced_nano=paced_nano)
        assert isinstance(learner.policy, Cascade)
        assert learner.policy.learning.warmup == warmup
