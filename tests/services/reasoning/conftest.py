"""Providers with faults, before real language models."""

from collections.abc import Callable, Generator
from contextlib import ExitStack

import pytest

from tests.parts.llm_servers.server import LanguageServer
from tests.services.reasoning.faults.faults import Faults
from tests.services.reasoning.faults.provider import Provider, providing

NewProvider = Callable[[LanguageServer, Faults], Provider]


@pytest.fixture
def provider_of() -> Generator[NewProvider]:
    """Makes providers, gone when the test is."""
    with ExitStack() as stack:
        yield lambda server, faults: stack.enter_context(providing(server.url, server.model, faults))
