"""The tables, as CQL.

A log is a row for each position, kept in the partitions of its writer, so many positions each. What a record is found by stands
in the same row. Rows are written once, and their timestamps are no clock but ranks: what is written comes first, what takes it
away beats that, and what says so beats both. So a write may be repeated, or come late, and nothing that is gone comes back.

Names of tables and columns carry everything that a reader of the cluster must know; statements are made here and nowhere else.
"""

from collections.abc import Iterator
from uuid import UUID, uuid5

WRITTEN, TAKEN_AWAY, SAID_SO = 1, 2, 3  # ranks, as timestamps
FOR_GOOD = 1 << 62  # of what nothing may follow
BUCKET = 2048  # positions of a partition: about 8 MB at 384 dimensions, where Cassandra is at ease below 100 MB

_IDS = UUID("9a3c1e62-6f0b-5d0e-8b57-6f3f1d1f7a10")  # ours; a table that two replicas begin at once is one table by its id


def _table(keyspace: str, name: str, columns: str) -> str:
    identifier = uuid5(_IDS, f"{keyspace}.{name}")
    return f"CREATE TABLE IF NOT EXISTS {name} ({columns}) WITH id = {identifier}"


def everywhere(keyspace: str) -> Iterator[str]:
    """What every keyspace has."""
    yield _table(
        keyspace,
        "namespaces",
        "store text, name text, identity text, dimension int, embedding text, created_at text, PRIMARY KEY (store, name)",
    )
    yield _table(
        keyspace,
        "writers",
        "identity text, closed bigint static, writer text, settled bigint, settled_at bigint, beat bigint, ended boolean, leaving boolean,"
        " PRIMARY KEY (identity, writer)",
    )
    yield _table(
        keyspace,
        "closed",
        "identity text, number bigint, writer text, position bigint, began_at bigint, ended_at bigint, PRIMARY KEY (identity, number)",
    )
    yield _table(keyspace, "claims", "identity text, name text, place text, PRIMARY KEY ((identity, name))")
    yield _table(keyspace, "pieces", "identity text, place text, number int, body blob, PRIMARY KEY ((identity, place, number))")


def log_table(dimension: int) -> str:
    """The table of the logs of all namespaces of a dimension."""
    return f"log_{dimension}"


def indexed_dimension(dimension: int) -> int:
    """How many components the indexed vector has: Cassandra's index knows no cosine in one dimension, so there is a zero beside it."""
    return max(dimension, 2)


def of_dimension(keyspace: str, dimension: int) -> Iterator[str]:
    """What namespaces of a dimension have besides.

    `facets` are words that a record is found by, its namespace in each of them: one index for all that is equal or not.
    """
    name = log_table(dimension)
    yield _table(
        keyspace,
        name,
        "identity text, writer text, bucket bigint, position bigint, entry text, kind tinyint, at bigint, body blob, size bigint,"
        f" exact blob, vector vector<float, {indexed_dimension(dimension)}>, facets set<text>, score double, made bigint,"
        " PRIMARY KEY ((identity, writer, bucket), position, entry)",
    )
    for column in ("facets", "score", "made"):
        yield f"CREATE INDEX IF NOT EXISTS {name}_{column} ON {name} ({column}) USING 'sai'"
    yield f"CREATE INDEX IF NOT EXISTS {name}_vector ON {name} (vector) USING 'sai' WITH OPTIONS = {{'similarity_function': 'COSINE'}}"
