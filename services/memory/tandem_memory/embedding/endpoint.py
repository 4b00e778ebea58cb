"""An embedding by an OpenAI-compatible endpoint: POST /v1/embeddings (https://platform.openai.com/docs/api-reference/embeddings).

What may pass is asked again, with jitter: no connection, no answer in time, 408, 429 and 5xx; a server that says how long to wait
is not asked before. Everything else needs a person, and is told in one line. The key is shown to the endpoint and to nobody else.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import stamina
from grpc import StatusCode
from tandem_rpc import Refused

from tandem_memory.embedding.answer import AnswerError, vectors

if TYPE_CHECKING:
    import httpx2

_BATCH = 64  # texts in a request: even a processor answers for so many in time, and a card is no faster with more
_LONGEST_PAUSE_S = 5.0
_TOTAL_S = 20.0  # of one request, well within the 30 s that a client waits unless it says otherwise: later it would not hear what is wrong
_AWAY = "check that it is up, or try again later"
_PASSING = frozenset((408, 409, 425, 429))  # and whatever is 500 or more


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Limits in seconds.

    Attributes:
        total_s: How long a request is repeated, the last time included.
        answer_s: For one answer, connecting included.
        pause_s: Before a request is repeated for the first time; and the jitter.
    """

    total_s: float = _TOTAL_S
    answer_s: float = _TOTAL_S
    pause_s: float = 0.2


class Endpoint:
    """A model behind an address.

    Args:
        url: Up to and including /v1.
        model: Its name there.
        key: Gives the key to show; asked for each request, since keys are exchanged. None where none is needed.
        dimension: Components to ask for; None takes what the model gives.
        patience: How long to wait.

    Attributes:
        dimension: Components of a vector; None until the first answer, unless it was asked for.
    """

    def __init__(
        self,
        url: str,
        model: str,
        *,
        key: Callable[[], str] | None = None,
        dimension: int | None = None,
        patience: Patience | None = None,
    ) -> None:
        self._url, self._model, self._key, self._asked = url.rstrip("/"), model, key, dimension
        self._patience = patience or Patience()
        self._client: httpx2.AsyncClient | None = None
        self.dimension = dimension

    @property
    def name(self) -> str:
        """The model, and what was asked of it."""
        return self._model if self._asked is None else f"{self._model}-{self._asked}"

    async def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """A vector for each text, shape (texts, dimension), as the model gives it.

        Raises:
            Refused: UNAVAILABLE when there was no answer for as long as patience lasts; FAILED_PRECONDITION for an answer that
                cannot be used, or a refusal.
        """
        parts = [await self._batch(texts[at : at + _BATCH]) for at in range(0, len(texts), _BATCH)]
        return np.concatenate([*parts, np.empty((0, self.dimension or 0), np.float32)]) if len(parts) != 1 else parts[0]

    async def close(self) -> None:
        """Let go of connections."""
        if self._client is not None:
            await self._client.aclose()

    async def _batch(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        answer = await self._patiently(texts)
        if not answer.is_success:
            raise self._refused(StatusCode.FAILED_PRECONDITION, f"answered {answer.status_code}; check URL, model and key")
        try:
            found = vectors(answer.content, len(texts))
        except AnswerError as error:
            raise self._refused(StatusCode.FAILED_PRECONDITION, str(error)) from error
        self.dimension = self.dimension or found.shape[1]
        if found.shape[1] != self.dimension:
            problem = f"gave {found.shape[1]} dimensions, {self.dimension} are wanted; use a model that has as many, or another namespace"
            raise self._refused(StatusCode.FAILED_PRECONDITION, problem)
        return found

    async def _patiently(self, texts: Sequence[str]) -> "httpx2.Response":
        patience, failed = self._patience, list[Exception]()

        def again(error: Exception) -> bool | float:
            if (after := _again(error)) is not False:  # stamina asks of a cancellation, too
                failed.append(error)
            return after

        pauses = {"wait_initial": patience.pause_s, "wait_max": _LONGEST_PAUSE_S, "wait_jitter": patience.pause_s}
        try:
            async with asyncio.timeout(patience.total_s):
                async for attempt in stamina.retry_context(again, attempts=None, timeout=None, **pauses):
                    with attempt:
                        answer = await self._post(texts)
                        if answer.status_code in _PASSING or answer.is_server_error:
                            answer.raise_for_status()
                        return answer
        except TimeoutError:
            problem = _problem(failed[-1]) if failed else f"no answer in {patience.total_s:g} s; {_AWAY}"
            raise self._refused(StatusCode.UNAVAILABLE, problem) from (failed[-1] if failed else None)
        raise AssertionError  # all that may pass is asked again until time is up

    async def _post(self, texts: Sequence[str]) -> "httpx2.Response":
        import httpx2

        if self._client is None:
            self._client = httpx2.AsyncClient(timeout=self._patience.answer_s)
        # the API refuses an empty text; a space has no more to say
        body: dict[str, object] = {"model": self._model, "input": [text or " " for text in texts], "encoding_format": "float"}
        if self._asked is not None:
            body["dimensions"] = self._asked
        return await self._client.post(f"{self._url}/embeddings", json=body, headers=self._headers())

    def _headers(self) -> dict[str, str]:
        if self._key is None:
            return {}
        try:
            return {"Authorization": f"Bearer {self._key().strip()}"}
        except OSError as error:  # the path is the operator's business, and no caller's
            raise self._refused(StatusCode.FAILED_PRECONDITION, f"its key cannot be read ({error.strerror}); put the file back") from None

    def _refused(self, code: StatusCode, problem: str) -> Refused:
        return Refused(code, f"embedding model {self._model!r} at {self._url}: {problem}")


def _problem(error: Exception) -> str:
    """What is said of the last of several failures."""
    import httpx2

    if isinstance(error, httpx2.HTTPStatusError):
        return f"answered {error.response.status_code}; try again later"
    return f"{type(error).__name__}; {_AWAY}"


def _again(error: Exception) -> bool | float:
    """Whether to ask again, or after how many seconds if the server said so."""
    import httpx2

    if not isinstance(error, httpx2.HTTPStatusError):
        return isinstance(error, httpx2.RequestError)
    said = error.response.headers.get("Retry-After", "")
    return min(float(said), _LONGEST_PAUSE_S) if said.isdecimal() else True
