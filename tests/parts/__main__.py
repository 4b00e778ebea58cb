"""`python -m tests.parts`: make every part that is not there yet, our own images among them, before the tests want it."""

import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from tests.parts import debian
from tests.parts.cassandra_jars import CASSANDRA
from tests.parts.kube import KUBE
from tests.parts.kubernetes_tools import COREDNS, HELM, KARPENTER, KUEUE, KWOK
from tests.parts.llm_servers.llama_cpp_server import LLAMA_CPP
from tests.parts.llm_servers.llama_server import LLAMA_SERVER
from tests.parts.minio_server import MINIO
from tests.parts.our_images import DOCKERFILES, ours
from tests.parts.part import Missing, Say, need_root, obtain, required

Step = Callable[[Say], object]
_CLUSTER = "a cluster of network namespaces"
PROGRAMS = (KUBE, COREDNS, KWOK, HELM, KARPENTER, KUEUE)  # for nothing where no cluster can be


def main() -> int:
    """Make them all; the exit code is 1 if one is missing and CI needs it.

    What Go compiles is made beside all else, which often waits for networks and disks. Only one of both asks Debian.
    """
    lanes: tuple[list[Step], list[Step]] = (
        [partial(obtain, MINIO, os.environ), _programs],
        [*(partial(obtain, part, os.environ) for part in (CASSANDRA, LLAMA_CPP, LLAMA_SERVER)), _images],
    )
    with ThreadPoolExecutor(len(lanes)) as threads:
        missing = sum(threads.map(_missing, lanes))
    return 1 if missing and required(os.environ) else 0


def _programs(say: Say) -> None:
    need_root(_CLUSTER)
    for part in PROGRAMS:
        obtain(part, os.environ, say)


def _images(say: Say) -> None:
    need_root(_CLUSTER)
    debian.need(debian.PACKAGES, say)
    for name in DOCKERFILES:
        ours(name, say)


def _missing(steps: list[Step]) -> int:
    """How many cannot be had; each says why."""
    count = 0
    for step in steps:
        try:
            step(lambda line: print(line, flush=True))
        except Missing as reason:
            print(reason, flush=True)
            count += 1
    return count


if __name__ == "__main__":
    sys.exit(main())
