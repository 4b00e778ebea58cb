"""Looking at runs, one at a time: what fails is looked at again, later each time, and nothing that one run does holds up the others."""

import logging
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Final

from .kube.backoff import backoff_s
from .kube.errors import KubeError
from .kube.informer import Key
from .kube.lease import NotLeaderError
from .queue import Queue, Turn

_log = logging.getLogger(__name__)
FIRST_WAIT_S: Final = 0.2
LONGEST_WAIT_S: Final = 60.0
_UNDECLARED: Final = "field not declared in schema"
_OLD_DEFINITION: Final = (
    ": the definition of these runs is older than this operator: `tandem crds | kubectl apply --server-side --force-conflicts -f -`"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """When a run is to be looked at again, what that look may wait for then, and for how long at most."""

    wait_s: float
    turn: Turn = Turn.SOON
    at_latest_s: float | None = None


class Looking(ABC):
    """Looks at runs.

    Attributes:
        looks: How many there were.
        failed_looks: How many of them failed.
        failures: How often in a row that was so, run by run.
    """

    def __init__(self, queue: Queue) -> None:
        """Look again when `queue` says so."""
        self._queue = queue
        self.failures: dict[Key, int] = {}
        self.looks = self.failed_looks = 0

    async def look(self, key: Key) -> None:
        """Look at a run once, and do what there is to do; look again when that fails."""
        self.looks += 1
        try:
            again = await self._look(key)
        except NotLeaderError:
            again = self._later(key)
        except KubeError as error:
            again = self._failed(key, error)
        except Exception:  # noqa: BLE001 - a defect that one run brings out must not end the care for the others
            self.failed_looks += 1
            _log.exception("%s/%s: a defect of the operator's; the run is looked at again", *key)
            again = self._later(key)
        else:
            self.failures.pop(key, None)
        if again is not None:
            self._queue.add_later(key, again.wait_s, again.turn)
            if again.at_latest_s is not None:
                self._queue.add_later(key, again.at_latest_s)

    @abstractmethod
    async def _look(self, key: Key) -> Again | None:
        """Do what there is to do, and say when to look again.

        Raises:
            KubeError: when a request failed.
        """

    def _failed(self, key: Key, error: KubeError) -> Again:
        """When to look again after a request failed."""
        if error.gone:
            _log.info("%s/%s: %s", *key, error)
        elif not error.conflict:
            self.failed_looks += 1
            _log.warning("%s/%s: %s (%s)%s", *key, error, error.status, _OLD_DEFINITION if _UNDECLARED in str(error) else "")
        return self._later(key)

    def _later(self, key: Key) -> Again:
        failures = self.failures[key] = self.failures.get(key, 0) + 1
        return Again(wait_s=backoff_s(failures, FIRST_WAIT_S, LONGEST_WAIT_S))
