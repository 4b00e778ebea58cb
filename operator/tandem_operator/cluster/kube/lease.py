"""Which replica acts: the holder of one Lease (coordination.k8s.io), renewed every two seconds, taken over when it was not for fifteen.

The times are client-go's (15, 10 and 2 s). A holder that could not renew for ten seconds by its own monotonic clock stops writing at
once, five seconds before another may begin, whatever either's wall clock says: a lease counts as lapsed when it was seen
unchanged for its whole length, not when its time stamps look old.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Final

from .client import Kube
from .document import Json, part, text
from .errors import KubeError

_log = logging.getLogger(__name__)
LASTS_S: Final = 15.0
_RENEW_WITHIN_S: Final = 10.0
_EVERY_S: Final = 2.0
RELEASE: Final = "tandem.dev/release"
"""The annotation that says which installation the holder is of."""
_TRY_S: Final = 3.0  # a try that hangs must leave time for two more before the lease is lost
_UNREACHED_S: Final = 30.0  # an API server that is started anew is away for less
_FORBIDDEN: Final = 403


class NotLeaderError(Exception):
    """Another replica may be acting; nothing may be written."""


class Lease:
    """The right to act, of one replica.

    Attributes:
        rival: Who holds it, as a sentence that says what to do, when that is a replica of another installation than ours; else empty.
    """

    def __init__(
        self,
        kube: Kube,
        namespace: str,
        name: str,
        identity: str,
        clock: Callable[[], float],
        *,
        release: str = "",
        wrote: Callable[[], None] = lambda: None,
    ) -> None:
        """Contend for the Lease `name` of `namespace` as `identity`.

        Args:
            kube: The API server.
            namespace: Where the Lease is.
            name: What it is called.
            identity: Who contends.
            clock: Gives seconds.
            release: The installation that the replica is of.
            wrote: Told of every write of the Lease.
        """
        self._kube, self._identity, self._clock, self._release, self._wrote = kube, identity, clock, release, wrote
        self.rival = ""
        self._collection = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
        self._place = {"namespace": namespace, "name": name}
        self._named = f"Lease {namespace}/{name}"
        self._renewed_at = float("-inf")
        self._seen, self._seen_at = "", float("-inf")
        self._tried_at, self._reached_at = clock(), float("-inf")
        self._missed = self._unread = f"{self._named} was not read yet"

    @property
    def unreached(self) -> str:
        """Why this replica can neither act nor stand in, as a sentence; empty when the Lease was read or written lately.

        Before the first time it is a sentence, too: what was never able to act must not pass for installed.
        """
        return self._missed if self._clock() - self._reached_at > _UNREACHED_S else ""

    @property
    def idle_s(self) -> float:
        """How long ago this replica last began to try; a few seconds, unless its loop is stuck."""
        return self._clock() - self._tried_at

    @property
    def held(self) -> bool:
        """Whether no other replica can be acting."""
        return self._clock() - self._renewed_at < _RENEW_WITHIN_S

    def check(self) -> float:
        """For how many seconds no other replica can begin.

        Raises:
            NotLeaderError: when one may have begun.
        """
        if not self.held:
            message = "the lease could not be renewed in time"
            raise NotLeaderError(message)
        return self._renewed_at + LASTS_S - self._clock()

    async def acquire(self) -> None:
        """Wait until the lease is ours."""
        while not await self._tried():  # noqa: ASYNC110 - it is another process that we wait for
            await asyncio.sleep(_EVERY_S)
        _log.info("%s acts", self._identity)

    async def keep(self) -> None:
        """Renew the lease for as long as that works; returns when it is lost."""
        while self.held:
            await asyncio.sleep(_EVERY_S)
            await self._tried()
        _log.error("%s acts no more: the lease could not be renewed for %g s", self._identity, _RENEW_WITHIN_S)

    async def release(self) -> None:
        """Let the next replica begin at once. That this fails costs it fifteen seconds."""
        if not self.held:
            return
        try:
            async with asyncio.timeout(_TRY_S):
                found = await self._kube.get(f"{self._collection}/{self._place['name']}")
                if text(found, "spec", "holderIdentity") == self._identity:
                    await self._kube.replace(f"{self._collection}/{self._place['name']}", self._written(found, holder=""))
                    self._wrote()
        except (KubeError, TimeoutError) as error:
            _log.warning("the lease could not be given back: %s", error or f"no answer for {_TRY_S:g} s")
        self._renewed_at = float("-inf")

    async def _tried(self) -> bool:
        """Whether the lease is ours now; what is not known is not ours."""
        began = self._tried_at = self._clock()
        try:
            async with asyncio.timeout(_TRY_S):
                await self._take()
        except TimeoutError:
            self._miss(f"no answer for {_TRY_S:g} s")
            return self.held
        except KubeError as error:
            if error.conflict:
                self._reach()
            else:
                self._miss(str(error))
            return self.held
        except _ForbiddenError as error:
            self._lack(str(error))
            return self.held
        except _HeldByAnotherError:
            self._reach()
            self._renewed_at = float("-inf")
            return False
        self._reach()
        self._renewed_at, self.rival = began, ""
        return True

    def _reach(self) -> None:
        """It was read, and written as far as it is ours to write."""
        self._reached_at, self._missed = self._clock(), self._unread

    def _miss(self, why: str) -> None:
        """Nobody knows how it stands, for now."""
        self._missed = f"{self._named} could be neither read nor written: {why}"
        _log.warning("lease: %s", why)

    def _lack(self, said: str) -> None:
        """Nothing changes until somebody grants the right, so it is said once."""
        if said != self._missed:
            _log.error("%s", said)
        self._missed = said

    async def _take(self) -> None:
        try:
            found = await self._may("get", self._kube.get(f"{self._collection}/{self._place['name']}"))
        except KubeError as error:
            if not error.gone:
                raise
            await self._may("create", self._kube.create(self._collection, self._written(None, holder=self._identity)))
            self._wrote()
            return
        if not self._free(found):
            self._meet(found)
            raise _HeldByAnotherError
        ours = self._written(found, holder=self._identity)
        await self._may("update", self._kube.replace(f"{self._collection}/{self._place['name']}", ours))
        self._wrote()

    async def _may(self, verb: str, asked: Awaitable[Json]) -> Json:
        """The answer to a request.

        Raises:
            _ForbiddenError: when we have no right to ask for it; it says which one, and how to have it.
            KubeError: when it failed otherwise.
        """
        try:
            return await asked
        except KubeError as error:
            if error.status != _FORBIDDEN:
                raise
            message = (
                f"{self._named}: the right to {verb} it is missing, and without it this operator cares for no run: set rbac.create=true, or"
                f" give its service account a Role in namespace {self._place['namespace']} that may get, create and update leases of"
                f" coordination.k8s.io. The API server says: {error}"
            )
            raise _ForbiddenError(message) from error

    def _free(self, found: Json) -> bool:
        if text(found, "spec", "holderIdentity") in {"", self._identity}:
            return True
        version = text(found, "metadata", "resourceVersion")
        if version != self._seen:
            self._seen, self._seen_at = version, self._clock()
        return self._clock() - self._seen_at >= part(found, "spec").get("leaseDurationSeconds", LASTS_S)

    def _meet(self, found: Json) -> None:
        """Another holds it. One of our own installation is whom we stand in for; any other is a mistake that people have to know of."""
        release, holder = text(part(found, "metadata", "annotations"), RELEASE), text(found, "spec", "holderIdentity")
        said = (
            f"release {release} cares for these runs already: its {holder} holds Lease {'/'.join(self._place.values())}."
            f" This one, {self._release}, stands by: uninstall one of the two, or give each a watchNamespace of its own"
        )
        rival = said if release and self._release and release != self._release else ""
        if rival != self.rival and rival:
            _log.error("%s", rival)
        self.rival = rival

    def _written(self, found: Json | None, *, holder: str) -> Json:
        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        before = part(found or {}, "spec")
        changed = before.get("holderIdentity") != holder
        spec: Json = {
            "holderIdentity": holder,
            "leaseDurationSeconds": int(LASTS_S) if holder else 1,
            "acquireTime": now if changed or not before.get("acquireTime") else before["acquireTime"],
            "renewTime": now,
            "leaseTransitions": before.get("leaseTransitions", 0) + (1 if changed and holder else 0),
        }
        more: Json = {"resourceVersion": text(found, "metadata", "resourceVersion")} if found else {}
        if self._release:
            more["annotations"] = {RELEASE: self._release}
        return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {**self._place, **more}, "spec": spec}


class _HeldByAnotherError(Exception):
    """Another replica holds the lease, as far as we can tell."""


class _ForbiddenError(Exception):
    """The API server will not let us read or write the lease, until somebody changes our rights."""
