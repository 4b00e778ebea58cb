"""Things to do to a store, and a look at what it holds."""

from typing import Any

from tandem.memory.v1.memory_pb2 import Record
from tandem_memory.backend import Appended
from tandem_memory.store import Append, Job, Store, reading

from tests.services.memory.driven import record

NAMESPACE = "n"


def append(*records: Record) -> Append:
    return Append(namespace=NAMESPACE, records=records, embedding="caller")


def large(key: str, size: int) -> Record:
    return record(key, key=key, answer="x" * size)


def commit(store: Store, *jobs: Job[Any]) -> list[list[Appended]]:
    return [list(outcome) for outcome in store.commit(jobs).outcomes]


def held(store: Store) -> list[str]:
    """Keys, in their order."""
    with store.reading() as transaction:
        return [each.key for each in reading.records(transaction, store.namespace(NAMESPACE))]
