"""What probes and Prometheus may know of the operator: that it watches, not only that it answers, and what it has done."""

import asyncio
from collections import Counter
from collections.abc import Collection, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tandem_telemetry.client import Published, serve_metrics

from tandem_operator.cluster.kube.informer import Informer
from tandem_operator.cluster.kube.lease import Lease
from tandem_operator.cluster.news.resync import Resync
from tandem_operator.cluster.turns.looking import Looking
from tandem_operator.cluster.turns.queue import Queue

from .accounts import Accounts

if TYPE_CHECKING:
    from tandem_telemetry.client import Figures

_UNLISTED_S: Final = 120.0  # a list of the pods of thousands of runs takes seconds
_SILENT_S: Final = 200.0  # more than the longest silence of a stream, and the time to begin the next
_UNCOMPARED_S: Final = 600.0
_STUCK_S: Final = 60.0
_TICK_S: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Acting:
    queues: Collection[Queue]
    shells: Collection[Looking]
    informers: Mapping[str, Informer]
    resyncs: Mapping[str, Resync]


class Probes:
    """The operator seen from outside; asked from threads of the HTTP server, which read single values only."""

    def __init__(self) -> None:
        self._errors: Counter[int] = Counter()
        self._writes: Counter[str] = Counter()
        self._loop = asyncio.get_running_loop()
        self._ticked_at = self._loop.time()
        self._acting: _Acting | None = None
        self._lease: Lease | None = None
        self._published = Published(self._figures)
        self.accounts = Accounts(lambda took_s: self._published.observe("tandem_time_to_resume_seconds", took_s))

    def failed(self, status: int) -> None:
        """A request failed."""
        self._errors[status] += 1

    def wrote(self, kind: str) -> None:
        """Something was written."""
        self._writes[kind] += 1

    def contends(self, lease: Lease) -> None:
        """This replica wants that Lease."""
        self._lease = lease

    def acts(
        self, queues: Collection[Queue], shells: Collection[Looking], informers: Mapping[str, Informer], resyncs: Mapping[str, Resync]
    ) -> None:
        """From now on this replica acts, by these."""
        self._ticked_at = self._loop.time()  # until now its tries to have the Lease have shown that the loop goes round
        self._acting = _Acting(queues=queues, shells=shells, informers=informers, resyncs=resyncs)

    async def tick(self) -> None:
        """Show that the loop goes round."""
        while True:
            self._ticked_at = self._loop.time()
            await asyncio.sleep(_TICK_S)

    @contextmanager
    def served(self, listen: str) -> Generator[int]:
        """/healthz, /readyz and /metrics, within it; its value is the port.

        Raises:
            tandem_rpc.RpcSetupError: when the address cannot be bound.
        """
        with serve_metrics(listen, self._published, self.unhealthy, self.unready) as port:
            yield port

    def unready(self) -> str | None:
        """Why nobody should take this replica for a help: it has no way to its Lease, or another installation does its work.

        A stand-in of its own that reads the Lease is ready.
        """
        return (self._lease.rival or self._lease.unreached if self._lease else "") or None

    def unhealthy(self) -> str | None:
        """Why the process should be started anew; None while it does its work. That of a stand-in is to try to have the Lease."""
        acting, now = self._acting, self._loop.time()
        if acting is None:
            idle_s = self._lease.idle_s if self._lease else 0.0
            return f"the Lease has not been asked for for {idle_s:.0f} s" if idle_s > _STUCK_S else None
        if now - self._ticked_at > _STUCK_S:
            return f"the loop has not gone round for {now - self._ticked_at:.0f} s"
        for kind, informer in acting.informers.items():
            age_s = informer.age_s(now)
            if age_s > (_SILENT_S if informer.synced.is_set() else _UNLISTED_S):
                return f"nothing was heard of {kind} for {age_s:.0f} s"
        return next((said for resync in acting.resyncs.values() if (said := _unwatched(resync, now))), None)

    def _figures(self) -> "Figures":
        acting, now = self._acting, self._loop.time()
        figures = {
            "tandem_operator_leader": {(): float(acting is not None)},
            "tandem_operator_writes_total": {(kind,): float(count) for kind, count in self._writes.copy().items()},
            "tandem_operator_api_errors_total": {(str(code),): float(count) for code, count in self._errors.copy().items()},
            **self.accounts.figures(),
        }
        if acting is None:
            return figures
        ages = {(kind,): informer.age_s(now) for kind, informer in acting.informers.items()}
        ages |= {(plural,): now - resync.agreed_at for plural, resync in acting.resyncs.items()}
        return figures | {
            "tandem_operator_queue_depth": {(): float(sum(queue.depth for queue in acting.queues))},
            "tandem_operator_looks_total": {(): float(sum(shell.looks for shell in acting.shells))},
            "tandem_operator_look_errors_total": {(): float(sum(shell.failed_looks for shell in acting.shells))},
            "tandem_operator_watch_age_seconds": ages,
        }


def _unwatched(resync: Resync, now: float) -> str | None:
    """What a comparison of runs with what the watch has told has found."""
    behind = resync.behind  # once: the loop may have it be another between two readings
    if now - resync.compared_at > _UNCOMPARED_S:
        return f"the runs have not been compared for {now - resync.compared_at:.0f} s"
    if behind:
        return f"the watch has not told of {len(behind)} runs, such as {'/'.join(behind[0])}"
    return None
