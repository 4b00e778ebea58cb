"""Ranks that have their libraries from birth, which is most of what a small run takes: `python nursery.py`.

Each line that it reads is a launch, {"runs": ..., "out": a folder, "ranks": [environment, ...]}: a process for each rank is forked, which
writes all that it has to say into a file in that folder. The line that comes back is their exit codes.
"""

import json
import os
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from rank import main  # its own folder comes first on the path of a program


def born(runs: list[dict[str, Any]], out: Path, environment: Mapping[str, str]) -> NoReturn:
    """Be one rank until its end."""
    with (out / f"printed-{environment['RANK']}").open("w") as said:
        os.dup2(said.fileno(), 1)
        os.dup2(said.fileno(), 2)
    os.environ |= environment
    try:
        main(runs, out)
    except BaseException:  # noqa: BLE001  # or a rank would be a second nursery
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)


for line in sys.stdin:
    told = json.loads(line)
    ranks = [os.fork() or born(told["runs"], Path(told["out"]), environment) for environment in told["ranks"]]
    codes = [os.waitstatus_to_exitcode(os.waitpid(rank, 0)[1]) for rank in ranks]
    print(json.dumps(codes), flush=True)
