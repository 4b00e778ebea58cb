"""How long to wait, and how often to ask again: the one place where requests to S3 are repeated.

Waits double from `pause_s` to 5 s, with jitter, as AWS advises ("Exponential Backoff And Jitter"). A store that has never
answered is more probably misaddressed than busy, so a person learns about it soon; a store that has is waited for.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import stamina
from minio.error import MinioException, S3Error, ServerError
from urllib3.exceptions import HTTPError

from tandem_objects.errors import ObjectError
from tandem_objects.s3.failures import Place, meaning

T = TypeVar("T")

_LONGEST_PAUSE_S = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Limits in seconds.

    Attributes:
        total_s: How long a request is repeated. It ends at the latest one `silence_s` after that.
        first_s: The same, as long as the endpoint has never answered.
        connect_s: For a connection, or for a connection to take the next piece of what we send.
        silence_s: For the next bytes of an answer.
        pause_s: Before a request is repeated for the first time; and the jitter.
    """

    total_s: float = 120
    first_s: float = 10
    connect_s: float = 5
    silence_s: float = 30
    pause_s: float = 0.2


class Asker:
    """Asks until there is an answer, a mistake, or no patience left."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._answered = False

    def __call__(self, request: Callable[[], T], place: Place) -> T:
        """What `request` returns.

        Raises:
            ObjectError: The last failure, in one line about `place`.
        """
        patience = self._patience
        limit_s = patience.total_s if self._answered else patience.first_s
        for attempt in stamina.retry_context(
            _passing, attempts=None, timeout=limit_s, wait_initial=patience.pause_s, wait_max=_LONGEST_PAUSE_S, wait_jitter=patience.pause_s
        ):
            with attempt:
                return self._once(request, place)
        raise AssertionError  # stamina raises the last error itself

    def _once(self, request: Callable[[], T], place: Place) -> T:
        try:
            result = request()
        except (MinioException, HTTPError, OSError) as error:
            self._answered |= isinstance(error, S3Error | ServerError)
            raise meaning(error, place) from error
        self._answered = True
        return result


def _passing(error: Exception) -> bool:
    return isinstance(error, ObjectError) and error.retryable
