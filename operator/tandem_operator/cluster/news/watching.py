"""Kopf's part: it follows the runs, through everything that can go wrong with a watch, and tells the queue.

Its settings are those of its well-run users, and what was measured: no limit of workers (each holds its place while idle), no
peering (that is no lock; the Lease is), no annotations, no finalizer, no events of its own.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import kopf
from kopf._core.reactor.inventory import ResourceMemories, ResourceMemory
from kubernetes.aio.client.configuration import Configuration

from tandem_operator.cluster.known.stored import Runs
from tandem_operator.cluster.kube.document import Json, text
from tandem_operator.cluster.kube.informer import key_of
from tandem_operator.cluster.paths import Kind

_log = logging.getLogger(__name__)
_GROUP: Final = "tandem.dev"
_VERSION: Final = "v1alpha1"
_FALLEN_PAUSE_S: Final = 1.0
_LOGIN_LASTS: Final = timedelta(minutes=5)  # tokens of service accounts are renewed long before they end, in a file that must be read again


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """A kind of run that is followed.

    Attributes:
        kind: Which.
        runs: Told of every run, new, changed or deleted.
        listed_anew: Told when the watch had to begin again with a list.
    """

    kind: Kind
    runs: Runs
    listed_anew: Callable[[], None]


def registry(found: Configuration, *followed: Followed) -> kopf.OperatorRegistry:
    """What kopf calls: who we are, and for each kind one handler that takes in every run of it."""
    made = kopf.OperatorRegistry()

    @kopf.on.login(registry=made)  # pyright: ignore[reportUntypedFunctionDecorator, reportUnknownMemberType, reportArgumentType]
    async def login(**_: object) -> kopf.ConnectionInfo:  # pyright: ignore[reportUnusedFunction]
        return await _credentials(found)

    for each in followed:
        _follow(made, each)
    return made


def _follow(made: kopf.OperatorRegistry, of: Followed) -> None:
    @kopf.on.event(_GROUP, _VERSION, of.kind.plural, registry=made)  # pyright: ignore[reportUntypedFunctionDecorator, reportUnknownMemberType, reportArgumentType]
    async def take(event: kopf.RawEvent, **_: object) -> None:  # pyright: ignore[reportUnusedFunction]
        found: Json = dict(event["object"])
        if event["type"] == "DELETED":
            of.runs.drop_run(key_of(found), text(found, "metadata", "uid"))
            return
        if event["type"] is None and of.runs.run(key_of(found)):
            of.listed_anew()
        of.runs.put_run(found)


async def follow(registry: kopf.OperatorRegistry, namespace: str, begun: Callable[[], None]) -> None:
    """Have kopf follow the runs of a namespace, or all of them, until cancelled; when it falls, begin anew.

    It falls over some answers of an API server, such as 410 to a list, and its own way of running then cancels every task of the
    process that is younger than itself. So its tasks are run here. It takes the signals of the process, too: `begun` takes them back.
    """
    where: dict[str, Any] = {"namespaces": [namespace]} if namespace else {"clusterwide": True}
    while True:
        tasks = await kopf.spawn_tasks(registry=registry, settings=settings(), memories=_NoMemories(), standalone=True, **where)
        begun()
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        _log.warning("the watch of the runs fell, and begins anew: %s", *(task.cancelled() or task.exception() for task in list(done)[:1]))
        await asyncio.sleep(_FALLEN_PAUSE_S)


async def _credentials(found: Configuration) -> kopf.ConnectionInfo:
    """The same credentials that our own client has, read anew every few minutes."""
    library: Any = found  # which has no types
    shown: dict[str, Any] = await library.auth_settings()
    scheme, _, token = str(shown.get("BearerToken", {}).get("value", "")).rpartition(" ")
    return kopf.ConnectionInfo(
        server=library.host,
        ca_path=library.ssl_ca_cert,
        insecure=not library.verify_ssl,
        certificate_path=library.cert_file,
        private_key_path=library.key_file,
        scheme=scheme or None,
        token=token or None,
        expiration=datetime.now(UTC) + _LOGIN_LASTS,
    )


class _NoDiffs(kopf.DiffBaseStorage):
    """Kopf compares every object with how it was, which costs it more than all the rest. We never ask for that."""

    def build(self, **_: object) -> kopf.BodyEssence:
        """Nothing, at once."""
        return kopf.BodyEssence()

    def fetch(self, **_: object) -> kopf.BodyEssence | None:
        """Nothing is kept."""
        return None

    def store(self, **_: object) -> None:
        """Nothing is kept."""


class _NoMemories(ResourceMemories):
    """Kopf remembers each object, a kilobyte for ours, until it is told of its deletion, and there are those that it is never told of."""

    async def recall(
        self,
        raw_body: kopf.RawBody,
        *,
        memobase: Any = None,  # noqa: ANN401 - whatever kopf gives
        noticed_by_listing: bool = False,
        ephemeral: bool = False,
    ) -> ResourceMemory:
        """What is remembered of an object: nothing, since no handler of ours asks for it."""
        del ephemeral
        return await super().recall(raw_body, memobase=memobase, noticed_by_listing=noticed_by_listing, ephemeral=True)


def settings() -> kopf.OperatorSettings:
    """Kopf's settings."""
    made = kopf.OperatorSettings()
    made.posting.enabled = False
    made.posting.level = logging.CRITICAL
    made.scanning.disabled = True
    made.peering.standalone = True
    made.watching.server_timeout = 300
    made.watching.client_timeout = 330
    made.watching.connect_timeout = 10
    made.watching.inactivity_timeout = 70
    made.watching.reconnect_backoff = 1.0
    made.watching.chunk_size = 500
    made.networking.request_timeout = 30
    made.networking.connect_timeout = 10
    made.networking.enforce_retry_after = True
    made.queueing.worker_limit = None
    made.queueing.idle_timeout = 0.1  # as long as that the last event of each object is kept, some 40 kB: thousands come in a list
    made.execution.max_workers = 2
    made.process.ultimate_exiting_timeout = None  # else it kills the process so long after it fell, whoever lives on in it
    made.persistence.diffbase_storage = _NoDiffs()
    return made
