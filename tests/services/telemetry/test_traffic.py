"""Whether anybody still needs the service, by a clock that tests turn themselves."""

from tandem_telemetry.traffic import Traffic


def test_idle_is_neither_streams_nor_reports() -> None:
    """Time counts from the last report or the end of the last stream, and not at all while one is open."""
    now = [0.0]
    traffic = Traffic(lambda: now[0])
    now[0] = 10
    assert traffic.idle_s() == 10
    with traffic.stream(watchers=1), traffic.stream(reporters=1):
        now[0] = 20
        assert traffic.idle_s() == 0
    now[0] = 25
    assert traffic.idle_s() == 5
    traffic.count(reports=1)
    now[0] = 26
    assert traffic.idle_s() == 1
    assert (traffic.reports, traffic.reporters, traffic.watchers) == (1, 0, 0)
