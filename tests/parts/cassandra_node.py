"""One node of Cassandra: its settings, and its process, which can be killed, paused and started again."""

import json
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.parts.running import running

PORT = 9042  # every node has an address of its own, so the ports are Cassandra's usual ones
_INTERNAL_PORT = 7000
_HEAP = "512m"
_RING = 2**64

# What Cassandra's own start script opens to it (conf/jvm17-server.options in its distribution).
_EXPORTS = [
    "java.base/jdk.internal.misc",
    "java.base/jdk.internal.ref",
    "java.base/sun.nio.ch",
    "java.management.rmi/com.sun.jmx.remote.internal.rmi",
    "java.rmi/sun.rmi.registry",
    "java.rmi/sun.rmi.server",
    "java.sql/java.sql",
    "java.base/java.lang.ref",
    "java.base/jdk.internal.util",
    "java.base/jdk.internal.perf",
]
_OPENS = [
    "java.base/java.lang.module",
    "java.base/jdk.internal.loader",
    "java.base/jdk.internal.ref",
    "java.base/jdk.internal.reflect",
    "java.base/jdk.internal.math",
    "java.base/jdk.internal.module",
    "java.base/jdk.internal.util.jar",
    "jdk.management/com.sun.management.internal",
    "java.base/sun.nio.ch",
    "java.base/java.io",
    "java.base/java.lang",
    "java.base/java.lang.reflect",
    "java.base/java.util",
    "java.base/java.util.concurrent",
    "java.base/java.util.concurrent.atomic",
    "java.base/java.nio",
    "java.base/jdk.internal.misc",
    "java.base/jdk.internal.util",
    "java.base/java.net",
]

_PROPERTIES = {
    "jdk.attach.allowAttachSelf": "true",
    "cassandra-foreground": "yes",
    "cassandra.ring_delay_ms": "100",  # all nodes start at once and are each other's seeds: nothing moves that had to be waited for
    "cassandra.skip_wait_for_gossip_to_settle": "0",
    "cassandra.superuser_setup_delay_ms": "-1",
    "cassandra.consistent.rangemovement": "false",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a node is: its folder, its address, and its number among `of` nodes that share the ring evenly.

    A `lasting` node is compiled to run fast, the others to start fast. `settings` are its own, beside those of all.
    """

    jars: Path
    folder: Path
    address: str
    seeds: tuple[str, ...]
    number: int
    of: int
    lasting: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])


def settings(place: Place) -> str:
    """cassandra.yaml. Small, and durable: a write is answered when it is on the disk."""
    told = {
        "cluster_name": "tandem",
        "partitioner": "org.apache.cassandra.dht.Murmur3Partitioner",
        "num_tokens": 1,
        "initial_token": str(place.number * (_RING // place.of) - _RING // 2),
        "auto_bootstrap": False,
        "seed_provider": [
            {"class_name": "org.apache.cassandra.locator.SimpleSeedProvider", "parameters": [{"seeds": ",".join(place.seeds)}]}
        ],
        "listen_address": place.address,
        "rpc_address": place.address,
        "storage_port": _INTERNAL_PORT,
        "native_transport_port": PORT,
        "start_native_transport": True,
        "endpoint_snitch": "SimpleSnitch",
        "storage_compatibility_mode": "NONE",
        "commitlog_sync": "batch",
        "commitlog_segment_size": "32MiB",
        "commitlog_total_space": "128MiB",
        "data_file_directories": [f"{place.folder}/data"],
        **{f"{name}_directory": f"{place.folder}/{name}" for name in ("commitlog", "saved_caches", "hints", "cdc_raw")},
        **{f"concurrent_{name}": 4 for name in ("reads", "writes", "counter_writes", "compactors")},
        **{f"memtable_{name}_space": "64MiB" for name in ("heap", "offheap")},
        "file_cache_size": "64MiB",
        "key_cache_size": "4MiB",
        "disk_failure_policy": "stop",
        "auto_snapshot": False,
        "paxos_variant": "v2",
        "batch_size_warn_threshold": "1MiB",
        # Machines that run tests are busy, and a node that is slow is no node that is gone.
        **{f"{name}request_timeout": "10s" for name in ("", "write_", "read_", "range_", "cas_contention_", "truncate_")},
    }
    told["cas_contention_timeout"] = told.pop("cas_contention_request_timeout")
    return json.dumps({**told, **place.settings}, indent=1)  # JSON is YAML


class Node:
    """A node that is there, or not."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._running = ExitStack()
        self._process: subprocess.Popen[bytes] | None = None
        self._starts = 0
        place.folder.mkdir()
        (place.folder / "cassandra.yaml").write_text(settings(place))
        (place.folder / "logback.xml").write_text(_LOGBACK)

    @property
    def address(self) -> str:
        return self.place.address

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process
        return self._process.pid

    @property
    def gone(self) -> bool:
        """Whether it was killed and not started again."""
        return self._process is None

    def start(self) -> None:
        """Begin to start it; `ready` tells when it serves."""
        self._starts += 1
        log = self.place.folder / f"log-{self._starts}"
        self._process = self._running.enter_context(running(self._command(), environ=os.environ, log=log, ready=lambda: True))

    def ready(self) -> bool:
        """Whether it serves.

        Raises:
            RuntimeError: when its process has ended; with the end of its log.
        """
        assert self._process, "it was not started"
        if self._process.poll() is not None:
            log = (self.place.folder / f"log-{self._starts}").read_text(errors="replace")
            msg = f"Cassandra at {self.address} ended with {self._process.returncode}: {log[-2000:]}"
            raise RuntimeError(msg)
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex((self.address, PORT)) == 0

    def kill(self) -> None:
        """End it as a power cut would, but for the disk's own cache."""
        self._running.close()
        self._process = None

    def pause(self) -> None:
        """Cut it off: its connections stay, and nothing comes out of it."""
        assert self._process
        os.killpg(self._process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on where it was."""
        assert self._process
        os.killpg(self._process.pid, signal.SIGCONT)

    def _command(self) -> list[str]:
        folder = self.place.folder
        properties = {**_PROPERTIES, "java.io.tmpdir": folder, "cassandra.storagedir": folder}
        properties |= {"cassandra.config": f"file://{folder}/cassandra.yaml", "logback.configurationFile": folder / "logback.xml"}
        compiled = () if self.place.lasting else ("-XX:TieredStopAtLevel=1",)
        return [
            *_without_rights(),
            *("java", f"-Xms{_HEAP}", f"-Xmx{_HEAP}", "-XX:+UseSerialGC", *compiled, "-Xshare:auto", "-XX:-UsePerfData"),
            *(f"-D{name}={value}" for name, value in properties.items()),
            f"-javaagent:{next(self.place.jars.glob('jamm-*.jar'))}",
            *(word for module in _EXPORTS for word in ("--add-exports", f"{module}=ALL-UNNAMED")),
            *(word for module in _OPENS for word in ("--add-opens", f"{module}=ALL-UNNAMED")),
            *("-cp", f"{self.place.jars}/*", "org.apache.cassandra.service.CassandraDaemon"),
        ]


def _without_rights() -> list[str]:
    """As root, what takes all of root's rights away but its files."""
    setpriv = shutil.which("setpriv")
    if os.geteuid() or not setpriv:
        return []
    return [setpriv, "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all"]


_LOGBACK = """<configuration>
  <appender name="OUT" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%-5level %date{HH:mm:ss,SSS} %logger{0} %msg%n</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="OUT"/></root>
</configuration>
"""
