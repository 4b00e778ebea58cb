"""What the parts of a DualRun know each other by: a token that callers show, and the certificate that the coordinator shows them.

All of it stands in one Secret of the run, of which each part is shown what it needs: no worker sees the key of the certificate.
"""

import base64
import hashlib
from dataclasses import dataclass, field
from typing import Final

from tandem_operator.api.dual_run import DualRun
from tandem_operator.render.manifest import Manifest, metadata

from . import objects

TOKEN, CERTIFICATE, KEY = "token", "tls.crt", "tls.key"
"""Names in the Secret, and of files."""

_OF_DIGEST: Final = 8  # characters: names of Services and Secrets are made of a run's name, which has 40 at most


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Those of one run.

    Attributes:
        token: What workers and the operator show the coordinator.
        certificate: What the coordinator shows them; PEM, public, and its own authority.
        key: The private key of the certificate; PEM.
    """

    token: str = field(repr=False)
    certificate: str
    key: str = field(repr=False)

    @property
    def digest(self) -> str:
        """What tells them from others, and gives nothing of them away."""
        return hashlib.sha256(f"{self.token} {self.certificate}".encode()).hexdigest()[:_OF_DIGEST]


UNKNOWN: Final = Credentials(token="", certificate="", key="")
"""Stands for those that the operator will reckon from a key of its own."""


def secret_name(run: DualRun, digest: str) -> str:
    """The name of the Secret of credentials, by their `digest`: where the operator reckons others there is another Secret."""
    return f"{objects.name(run)}-{digest}"


def secret(run: DualRun, credentials: Credentials) -> Manifest:
    """The Secret that parts are shown their share of."""
    kept = {TOKEN: credentials.token, CERTIFICATE: credentials.certificate, KEY: credentials.key}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(run, secret_name(run, credentials.digest)),
        "type": "Opaque",
        "immutable": True,
        "data": {name: base64.b64encode(text.encode()).decode() for name, text in kept.items()},
    }
