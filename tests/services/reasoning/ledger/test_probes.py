"""What a probe costs: set aside at its worst, then set right; never beyond what is allowed."""

from pathlib import Path

from tandem_reasoning.ledger import Charge, Found, Ledger, OverBudget, Probe, verify

from .asking import OpenLedger

URL = "http://a/v1"


def test_a_probe_is_booked_at_its_worst_until_its_end_is_told(ledger: Ledger) -> None:
    """Told again, nothing changes; one that nobody tells the end of stays as it is."""
    assert ledger.do(Probe(lane="local", why="probe 1", worst_nano=90), now=0) is True
    assert ledger.do(Probe(lane="local", why="probe 2", worst_nano=50), now=0) is True
    assert ledger.do(Probe(lane="local", why="probe 1", worst_nano=90), now=0) is False
    for _ in range(2):
        ledger.do(Found(lane="local", url=URL, why="probe 1", cost_nano=7, findings="{}"), now=1)
    books = ledger.sums.lanes["local"]
    assert (books.spent_nano, books.charged_nano, books.calls) == (57, 57, 0)


def test_a_probe_that_could_cost_more_than_is_left_is_refused(open_ledger: OpenLedger) -> None:
    """And books nothing."""
    ledger = open_ledger(cap_nano=100)
    assert isinstance(ledger.do(Probe(lane="cloud", why="probe 1", worst_nano=101), now=0), OverBudget)
    assert ledger.sums.total.spent_nano == 0


def test_a_probe_that_costs_nothing_is_made_when_more_was_spent_than_may_be(open_ledger: OpenLedger) -> None:
    """As with a run that begins again after its cap was lowered."""
    ledger = open_ledger(cap_nano=100)
    ledger.do(Charge(lane="cloud", nano=150, why="hour 1"), now=0)
    assert isinstance(ledger.do(Probe(lane="cloud", why="probe 1", worst_nano=1), now=0), OverBudget)
    assert ledger.do(Probe(lane="local", why="probe 1", worst_nano=0), now=0) is True


def test_what_was_found_is_there_after_a_restart(open_ledger: OpenLedger, tmp_path: Path) -> None:
    """The newest findings of each server; what did not answer leaves none."""
    ledger = open_ledger(tmp_path / "ledger.db")
    for findings in ("old", "new"):
        ledger.do(Found(lane="local", url=URL, why="probe", cost_nano=0, findings=findings), now=0)
    ledger.do(Found(lane="local", url="http://b/v1", why="probe", cost_nano=0, findings=None), now=0)
    ledger = open_ledger(tmp_path / "ledger.db")
    reader = ledger.reader()
    assert reader.probes() == {("local", URL): "new"}
    reader.close()
    assert verify(tmp_path / "ledger.db") == ()
