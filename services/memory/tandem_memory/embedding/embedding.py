"""What an embedding is. Vectors of one name can be compared with each other, and with no others."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt


class Embedding(Protocol):
    """Turns texts into vectors."""

    @property
    def name(self) -> str:
        """What it is called; it changes whenever the vectors of the same texts would."""
        ...

    @property
    def dimension(self) -> int | None:
        """Components of a vector; None while that is not known yet."""
        ...

    async def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """A vector for each text, shape (texts, dimension).

        Raises:
            tandem_rpc.Refused: UNAVAILABLE when it cannot be had now, FAILED_PRECONDITION when it will not be had without a change.
        """
        ...
