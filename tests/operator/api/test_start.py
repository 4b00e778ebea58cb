"""Importing the API starts nothing and loads little: the command line depends on it."""

import subprocess
import sys
from pathlib import Path


def test_reading_types_loads_no_yaml_and_no_second_kind() -> None:
    """PyYAML comes with the first text, DualRun with the first of its kind, CRD generation when it is asked for."""
    program = "import sys, tandem_operator.api.reading.run_file; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=300)
    loaded = set(done.stdout.split())
    assert "tandem_operator.api.training_run" in loaded
    assert not loaded & {"yaml", "tandem_operator.api.dual_run", "tandem_operator.api.definitions.crd", "asyncio", "torch", "grpc"}


def test_the_api_itself_touches_nothing(root: Path) -> None:
    """No module of it imports a clock, a disk, a socket or chance."""
    touching = {"os", "time", "random", "logging", "asyncio", "subprocess", "socket", "pathlib"}
    for path in (root / "operator/tandem_operator/api").glob("*.py"):
        words = [line.split() for line in path.read_text().splitlines()]
        imported = {word[1].split(".")[0] for word in words if word[:1] in (["import"], ["from"]) and len(word) > 1}
        assert not imported & touching, path
