"""The books' clock."""

import time

import pytest
from tandem_reasoning.coordinator.clock import steady


@pytest.mark.parametrize("hours", [-1, 1])
def test_it_goes_on_evenly_though_the_machine_is_set_otherwise(hours: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """An hour forward would end all leases at once; an hour back would say that answers came before their questions."""
    now, begun = steady(), time.time()
    before = now()
    assert abs(before - begun) < 60
    monkeypatch.setattr(time, "time", lambda: begun + 3600 * hours)
    assert 0 <= now() - before < 60
