"""The README's example in Python does what it says."""

import re
import subprocess
import sys
import textwrap
from pathlib import Path

from tests.services.memory.process import Service

_README = Path(__file__).parents[4] / "README.md"
_EXAMPLE = re.compile(r"(?:^    .*\n)*^    from tandem_memory\.client import .*\n(?:^    .*\n)*", re.MULTILINE)


def test_the_example_of_the_readme_runs(tmp_path: Path) -> None:
    """As it stands, but for the address: what it appends and writes is what it then watches."""
    service = Service(tmp_path).start()
    (found,) = _EXAMPLE.findall(_README.read_text())
    program = textwrap.dedent(found).replace("127.0.0.1:7433", service.address)
    words = [sys.executable, "-u", "-c", program]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(1001)]
        process.kill()
    service.kill()
    assert lines[0].startswith("Record(question='What is time?'")
    assert lines[-1].startswith("Record(question='What is 999?'")
