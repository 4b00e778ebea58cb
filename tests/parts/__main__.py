"""`python -m tests.parts`: make every part that is not there yet, before the tests want it."""

import os
import sys

from tests.parts.minio_server import MINIO
from tests.parts.part import Missing, obtain, required

PARTS = (MINIO,)


def main() -> int:
    """Make them all; the exit code is 1 if one is missing and CI needs it."""
    missing = 0
    for part in PARTS:
        try:
            obtain(part, os.environ, lambda line: print(line, flush=True))
        except Missing as reason:
            print(reason, flush=True)
            missing += 1
    return 1 if missing and required(os.environ) else 0


if __name__ == "__main__":
    sys.exit(main())
