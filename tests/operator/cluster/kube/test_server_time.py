"""The time of the API server as its answers tell it, by whatever clocks: played by hand, and by a real server."""

import asyncio
from datetime import UTC, datetime
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tandem_operator.cluster.kube.client import Kube, configuration
from tandem_operator.cluster.kube.errors import KubeError
from tandem_operator.cluster.kube.limiter import Limiter
from tandem_operator.cluster.kube.server_time import ServerTime

from tests.cluster.cluster import Cluster

NOON = 1_800_000_000.0
HOUR = 3600.0
_SLACK_S = 1e-5  # what seconds since 1970 are rounded to, in a float


class Server:
    """A server that is asked now and then, how long it takes to hear of that, and how long its answer takes."""

    def __init__(self, *, ours: float = NOON) -> None:
        self.clock, self.ahead = 100.0, NOON - 100.0
        self.time = ServerTime(lambda: self.clock, lambda: ours)

    @property
    def now(self) -> float:
        """What it says itself."""
        return self.clock + self.ahead

    def off(self) -> float:
        """By how much what we take its time to be is ahead of it."""
        return self.time.now().timestamp() - self.now

    def asked(self, after: float = 0.0, *, there: float = 0.01, back: float = 0.01, date: str | None = None) -> None:
        self.clock += after
        asked = self.time.asked()
        self.clock += there
        said = formatdate(self.now, usegmt=True)
        self.clock += back
        self.time.heard(said if date is None else date, asked)


@given(
    ours=st.floats(-1e6, 1e6),
    asked=st.lists(st.tuples(st.floats(0, 100), st.floats(0.001, 20), st.floats(0.001, 20)), min_size=1, max_size=30),
    drift=st.floats(-4e-4, 4e-4),
)
def test_it_is_never_ahead_and_as_near_as_the_best_answer(ours: float, asked: list[tuple[float, float, float]], drift: float) -> None:
    """However wrong our own clock is, however slow answers are; and it never goes back, though the clocks drift."""
    server, best, shown = Server(ours=NOON + ours), float("inf"), 0.0
    for after, there, back in asked:
        server.ahead += drift * after
        server.asked(after, there=there, back=back)
        best = min(best + 1e-3 * (after + there + back), 1 + there + back)
        assert -best - _SLACK_S <= server.off() <= abs(drift) * 200 + _SLACK_S
        now = server.time.now().timestamp()
        assert now >= shown
        shown = now


def test_a_few_answers_tell_it_to_some_milliseconds() -> None:
    """Though each names a whole second only."""
    server = Server()
    for _ in range(50):
        server.asked(0.937)
    assert -0.1 < server.off() <= 0


def test_a_slow_answer_changes_nothing() -> None:
    """Whether it was slow on its way there or back."""
    server = Server()
    for _ in range(50):
        server.asked(0.937)
    before = server.off()
    server.asked(there=30, back=0.01)
    server.asked(there=0.01, back=30)
    assert abs(server.off() - before) < 0.1


@pytest.mark.parametrize("date", ["", "yesterday", formatdate(NOON + HOUR, usegmt=True)])
def test_one_answer_alone_is_not_believed(date: str) -> None:
    """That has no time, or another than all before it."""
    server = Server()
    server.asked()
    server.asked(date=date)
    assert -1.1 < server.off() <= 0
    server.asked()
    server.asked(date=date)
    assert -1.1 < server.off() <= 0


@pytest.mark.parametrize("ahead_s", [HOUR, -HOUR])
def test_a_server_whose_clock_is_set_is_followed(ahead_s: float, caplog: pytest.LogCaptureFixture) -> None:
    """With the second answer; and so is one that went on while our clock stood still. It is told, once."""
    server = Server()
    server.asked()
    server.ahead += ahead_s
    for _ in range(3):
        server.asked(1)
    assert -1.1 < server.off() <= 0
    (record,) = caplog.records
    assert record.args == pytest.approx((ahead_s,), abs=1.1)


@pytest.mark.parametrize(("off_s", "told"), [(3 * HOUR, 1), (-3 * HOUR, 1), (2.0, 0)])
def test_a_wrong_clock_of_ours_is_told(off_s: float, told: int, caplog: pytest.LogCaptureFixture) -> None:
    """It counts until the first answer, for want of a better one, and never again."""
    server = Server(ours=NOON + off_s)
    assert abs(server.off() - off_s) < _SLACK_S
    server.asked()
    assert -1.1 < server.off() <= 0
    assert len(caplog.records) == told


def test_a_real_server(api_cluster: Cluster) -> None:
    """Its answers have the header, and what it fails at is not asked for the time."""
    wrong = 3 * HOUR

    async def story() -> tuple[float, float]:
        loop = asyncio.get_running_loop()
        time = ServerTime(loop.time, lambda: datetime.now(UTC).timestamp() + wrong)
        kube = Kube(
            await configuration({"KUBECONFIG": str(api_cluster.kubeconfig)}), Limiter(100, 100), lambda _: None, lambda: None, time=time
        )
        with pytest.raises(KubeError):
            await kube.get("/api/v1/nowhere")
        before = time.now() - datetime.now(UTC)
        await kube.get("/api/v1/namespaces")
        after = time.now() - datetime.now(UTC)
        await kube.close()
        return before.total_seconds(), after.total_seconds()

    before, after = asyncio.run(story())
    assert before > wrong / 2
    assert -wrong / 2 < after <= _SLACK_S
