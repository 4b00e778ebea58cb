"""What a stream passes over because it is not as it was written, until its caller is told."""

from tandem.memory.v1.memory_pb2 import Finding

from tandem_memory.backend import DamagedError, OnDamage


class Skipping:
    """For one stream."""

    def __init__(self, namespace: str, *, wanted: bool) -> None:
        self._namespace, self._wanted = namespace, wanted
        self._skipped = list[Finding]()

    @property
    def hears(self) -> OnDamage | None:
        """What a backend tells; None when the caller did not ask for anything to be passed over."""
        return self._hear if self._wanted else None

    def taken(self) -> list[Finding]:
        """What was passed over since this was last asked."""
        skipped, self._skipped = self._skipped, []
        return skipped

    def _hear(self, damage: DamagedError) -> None:
        self._skipped.append(Finding(namespace=self._namespace, where=damage.where, what=damage.what))
