"""What a person waits for before anything happens: processor seconds of `tandem --help` and `tandem plan`.

python tests/bench/startup.py [--rounds N]      prints one JSON line a figure
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

TANDEM = Path(sys.executable).with_name("tandem")
QUICKSTART = Path(__file__).parents[2] / "manifests/examples/quickstart.yaml"


def cpu_s(*arguments: str) -> float:
    """Processor seconds of one call, all its children included."""
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}  # compiled once, as installed
    process = subprocess.Popen([str(TANDEM), *arguments], env=environ, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    assert status == 0, arguments
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Measure each several times and print the medians."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=7)
    rounds = range(parser.parse_args().rounds)
    for arguments in (("--help",), ("plan", str(QUICKSTART))):
        value = statistics.median(cpu_s(*arguments) for _ in rounds)
        name = f"processor time of tandem {arguments[0].lstrip('-')}"
        print(json.dumps({"metric": name, "value": round(value, 3), "unit": "s", "limit": 0.4, "ratio": round(value / 0.4, 3)}))


if __name__ == "__main__":
    main()
