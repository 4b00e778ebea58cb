"""`python -m tests.parts`: make every part that is not there yet, before the tests want it."""

import os
import sys
from collections.abc import Callable
from functools import partial

from tests.parts import debian
from tests.parts.base_images import BASE, BUILD_BASE
from tests.parts.cassandra_jars import CASSANDRA
from tests.parts.kube import KUBE
from tests.parts.kubernetes_tools import COREDNS, HELM, KWOK
from tests.parts.llm_servers.llama_cpp_server import LLAMA_CPP
from tests.parts.minio_server import MINIO
from tests.parts.part import Missing, Say, need_root, obtain, required

Step = Callable[[Say], object]
PARTS = (MINIO, CASSANDRA, LLAMA_CPP)
CLUSTER = (KUBE, COREDNS, KWOK, HELM, BASE, BUILD_BASE)  # for nothing where no cluster can be


def main() -> int:
    """Make them all, one after the other; the exit code is 1 if one is missing and CI needs it."""
    steps: list[Step] = [*(partial(obtain, part, os.environ) for part in PARTS), _cluster]
    return 1 if _missing(steps) and required(os.environ) else 0


def _cluster(say: Say) -> None:
    need_root("a cluster of network namespaces")
    debian.need(debian.PACKAGES, say)
    for part in CLUSTER:
        obtain(part, os.environ, say)


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
