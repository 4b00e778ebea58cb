"""What a worker loads."""

import subprocess
import sys

CHECK = """
import sys
from tandem_reasoning.thinking import answers, keys, notes, prompts, steps, tokens, vote
print(sorted({"numpy", "sqlite3", "grpc", "httpx2"} & set(sys.modules)))
"""


def test_thinking_loads_no_numpy() -> None:
    """Workers are many and small: what they think with costs them neither numpy nor anything that the coordinator alone needs."""
    assert subprocess.run([sys.executable, "-c", CHECK], capture_output=True, text=True, check=True).stdout.strip() == "[]"
