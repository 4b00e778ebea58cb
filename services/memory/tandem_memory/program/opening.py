"""What the settings ask for, opened: the backend, what embeds texts, who callers are and what they may do."""

import asyncio
import logging
import ssl
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from tempfile import gettempdir

from tandem_rpc import Verifier
from tandem_rpc.exposure import loopback
from tandem_rpc.verifiers.remembered import Remembered
from tandem_rpc.verifiers.token_folder import TokenFolder
from tandem_rpc.verifiers.token_review import ApiServer, TokenReview

from tandem_memory.backend import Backend, DamagedError, StoreFullError, StoreUnavailableError
from tandem_memory.embedded import Committed, Embedded, not_counted
from tandem_memory.embedding import Embedding, Endpoint, Ngrams
from tandem_memory.moves import backup
from tandem_memory.program.rights_file import RightsFile
from tandem_memory.program.settings import Settings
from tandem_memory.rights import Rights
from tandem_memory.store.disk.errors import FormatError, InUseError
from tandem_memory.store.store import LOG

_DAY_S = 86_400.0
_MOST_TOKENS = 10_000  # remembered at about 300 bytes each


class OpeningError(Exception):
    """Something that is needed cannot be opened; one line with the fix."""


@asynccontextmanager
async def backend(
    settings: Settings, *, called: str = "", begin: bool = True, committed: Committed = not_counted
) -> AsyncGenerator[Backend]:
    """The backend, open for as long as the service runs.

    Args:
        settings: Where it is.
        called: What the place is called in errors; left out, by its setting.
        begin: Whether a store begins there if there is none.
        committed: Hears of each group that became durable, where the store is one of this machine.

    Raises:
        OpeningError: when it cannot be opened.
    """
    opening = _clustered(settings, called, begin=begin) if settings.cassandra else _embedded(settings, called, committed, begin=begin)
    async with opening as opened:
        yield opened


@asynccontextmanager
async def _embedded(settings: Settings, called: str, committed: Committed, *, begin: bool) -> AsyncGenerator[Backend]:
    assert settings.folder is not None
    called = called or "TANDEM_MEMORY_FOLDER"
    if not begin and not (settings.folder / LOG).is_dir():
        msg = f"{called}: {settings.folder} holds no store; give the folder that a service was given"
        raise OpeningError(msg)
    try:
        opened = Embedded(settings.folder, kept=timedelta(days=settings.remember_days), committed=committed)
    except (FormatError, InUseError, DamagedError, StoreFullError, OSError) as error:
        msg = f"{called}: {settings.folder}: {error}"
        raise OpeningError(msg) from error
    if settings.scratch is None:
        backup.swept(settings.folder)  # which is ours alone, as long as the store is open
    try:
        yield opened
    finally:
        await opened.close()


@asynccontextmanager
async def _clustered(settings: Settings, called: str, *, begin: bool) -> AsyncGenerator[Backend]:
    from tandem_memory.cassandra import Clustered, Link, Login, Manners

    # The driver logs a traceback for each node that it loses and finds again; what it cannot mend is raised, and told by us.
    logging.getLogger("cassandra").setLevel(logging.CRITICAL)
    password = settings.cassandra_password_file
    login = Login(settings.cassandra_user, password) if password else None
    tls = _cluster_tls(settings, called)
    if login and not (tls or settings.plaintext or all(map(loopback, settings.cassandra_nodes))):
        fix = "give CASSANDRA_TLS_CA, or PLAINTEXT=true if the network itself encrypts"
        msg = f"TANDEM_MEMORY_CASSANDRA_PASSWORD_FILE: nodes elsewhere would be shown it in plain text; {fix}"
        raise OpeningError(msg)

    def open_link() -> Link:
        return Link(
            settings.cassandra_nodes,
            keyspace=settings.cassandra_keyspace,
            replicas=settings.cassandra_replicas if begin else None,
            port=settings.cassandra_port,
            datacentre=settings.cassandra_datacentre,
            login=login,
            tls=tls,
        )

    try:
        link = await asyncio.to_thread(open_link)
        manners = Manners(kept=settings.remember_days * _DAY_S, most_young_bytes=settings.cassandra_young_bytes)
        opened = await asyncio.to_thread(partial(Clustered, link, manners=manners))
    except StoreUnavailableError as error:
        msg = f"{called or 'TANDEM_MEMORY_CASSANDRA'}: {' '.join(str(error).split())}"
        raise OpeningError(msg) from error
    try:
        yield opened
    finally:
        await opened.close()
        await asyncio.to_thread(link.close)


def _cluster_tls(settings: Settings, called: str) -> ssl.SSLContext | None:
    if settings.cassandra_tls_ca is None:
        return None
    try:
        tls = ssl.create_default_context(cafile=settings.cassandra_tls_ca)
        tls.check_hostname = settings.cassandra_tls_names
        if settings.cassandra_tls_cert:
            tls.load_cert_chain(settings.cassandra_tls_cert, settings.cassandra_tls_key)
    except (OSError, ssl.SSLError) as error:
        msg = f"{called or 'TANDEM_MEMORY_CASSANDRA'}: its TLS_CA, TLS_CERT or TLS_KEY cannot be used ({error}); give them in PEM"
        raise OpeningError(msg) from error
    return tls


def scratch(settings: Settings) -> Path:
    """Where a copy is put together: beside the store, where the store has a disk of its own."""
    return settings.scratch or settings.folder or Path(gettempdir())


def embedding(settings: Settings) -> Embedding:
    """What embeds texts.

    Raises:
        OpeningError: when its key is not there.
    """
    if settings.embedding_url is None or settings.embedding_model is None:
        return Ngrams(settings.embedding_dimension) if settings.embedding_dimension else Ngrams()
    key = settings.embedding_key_file
    if key and not key.is_file():
        msg = f"TANDEM_MEMORY_EMBEDDING_KEY_FILE: {key} is absent; write the key of {settings.embedding_url} into it"
        raise OpeningError(msg)
    logging.getLogger("httpx2").setLevel(logging.WARNING)  # it has a line for each request
    return Endpoint(
        settings.embedding_url,
        settings.embedding_model,
        key=key.read_text if key else None,
        dimension=settings.embedding_dimension,
    )


def rights(settings: Settings) -> Callable[[], Rights]:
    """What says who may do what, whenever it is asked.

    Raises:
        RpcSetupError: when the file of rights cannot be used.
    """
    return RightsFile(settings.rights_file).current if settings.rights_file else Rights


def verifier(settings: Settings) -> Verifier | None:
    """What says who calls; None where callers are not told apart.

    Raises:
        RpcSetupError: when it cannot.
    """
    if settings.token_folder is not None:
        return TokenFolder(settings.token_folder)
    if not settings.token_review:
        return None
    server = ApiServer(url=settings.api_server, account=settings.service_account)
    return Remembered(TokenReview(server, settings.audience), time.monotonic, most=_MOST_TOKENS)
