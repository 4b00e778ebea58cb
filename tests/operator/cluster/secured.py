"""A coordinator that shows the certificate of a run, as the operator reckons it, and is found on this machine."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest
from tandem_operator.api.dual_run import DualRun
from tandem_operator.cluster.dual.keyring import Keyring
from tandem_operator.render.dual import objects

from tests.services.reasoning.coordination import Coordinator, coordinating, job, questions

KEY: Final = b"k" * 32
COUNT: Final = 3


@asynccontextmanager
async def secured(run: DualRun, folder: Path, monkeypatch: pytest.MonkeyPatch, *, key: bytes = KEY) -> AsyncGenerator[Coordinator]:
    """The coordinator of `run`, of so many questions, by the credentials that a `key` gives; the operator looks for it here."""
    monkeypatch.setattr(objects, "names", lambda _: ("localhost",))
    known_by, certificate, private = Keyring(key).of(run), folder / "tls.crt", folder / "tls.key"
    certificate.write_text(known_by.certificate)
    private.write_text(known_by.key)
    told = job({"local": ["http://127.0.0.1:9/v1"]})
    async with coordinating(folder, told, questions(COUNT), tls_cert=certificate, tls_key=private) as coordinator:
        monkeypatch.setattr(objects, "address", lambda _: f"localhost:{coordinator.server.port}")
        yield coordinator
