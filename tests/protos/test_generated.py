"""What is committed is what protoc makes of the .proto files, and those keep buf's rules."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROTOS = ROOT / "protos"
TOOLS = Path(sys.executable).parent
ENVIRONMENT = {**os.environ, "PATH": f"{TOOLS}{os.pathsep}{os.environ.get('PATH', '')}"}


def test_committed_code_is_fresh(tmp_path: Path) -> None:
    """`poe protos` into an empty folder gives the committed files, byte for byte, and no others."""
    command = [TOOLS / "poe", "--quiet", "--executor", "simple", "-C", ROOT, "protos", "--out", tmp_path]
    subprocess.run(command, check=True, env=ENVIRONMENT)
    made = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*_pb2*.py*")}
    committed = {path.relative_to(PROTOS): path.read_bytes() for path in PROTOS.rglob("*_pb2*.py*") if path.suffix in {".py", ".pyi"}}
    assert made == committed
    assert made


def test_proto_files_keep_the_rules() -> None:
    """Buf finds nothing to say about names, packages and comments, nor about layout."""
    for command in (["lint", PROTOS], ["format", "--diff", "--exit-code", PROTOS]):
        said = subprocess.run([TOOLS / "buf", *command], capture_output=True, text=True, check=False, env=ENVIRONMENT)
        assert (said.returncode, said.stdout) == (0, ""), said.stdout + said.stderr
