"""The house rules that a machine can check: sizes, names, and what a tracked file may never hold."""

import ast
import re
import statistics
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOMS = ("operator", "protos/tandem_rpc", "services", "trainer_image")
TOP_LEVEL = {
    "operator",
    "services",
    "trainer_image",
    "protos",
    "charts",
    "manifests",
    "tests",
    "pyproject.toml",
    "README.md",
    "CHANGELOG.md",
}
TOP_LEVEL |= {"LICENSE", ".gitignore", ".github", ".ci", ".dockerignore"}
VAGUE = {"utils", "util", "common", "helpers", "helper", "manager", "base", "misc", "core", "handler", "handlers"}


def sources() -> Iterator[Path]:
    """Our own Python files, tests left out."""
    for room in ROOMS:
        yield from sorted((ROOT / room).rglob("*.py"))


def tracked() -> list[Path]:
    """Every file that git keeps."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in listed.splitlines() if (ROOT / name).is_file()]


def function_sizes(path: Path) -> Iterator[tuple[str, int]]:
    """Lines of every function of a file, without its docstring."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            docstring = ast.get_docstring(node, clean=False)
            assert node.end_lineno is not None
            yield (
                f"{path.relative_to(ROOT)}:{node.name}",
                node.end_lineno - node.lineno + 1 - (docstring.count("\n") + 1 if docstring else 0),
            )


def test_files_are_small() -> None:
    """No file of ours is longer than 300 lines."""
    assert not [(str(path), lines) for path in sources() if (lines := path.read_text().count("\n")) > 300]


def test_functions_are_small() -> None:
    """Half of all functions have at most 10 lines, nine in ten at most 30, none more than 60."""
    sizes = [size for path in sources() for size in function_sizes(path)]
    lines = sorted(size for _, size in sizes)
    assert statistics.median(lines) <= 10
    assert lines[int(0.9 * len(lines))] <= 30
    assert not [size for size in sizes if size[1] > 60]


def test_modules_are_named_after_something() -> None:
    """Nothing is called utils, common, base or the like."""
    assert not [str(path) for path in sources() if path.stem in VAGUE]


def test_every_module_opens_with_what_it_decides() -> None:
    """Only packages' empty `__init__` files go without a docstring."""
    silent = [path for path in sources() if path.read_text().strip() and ast.get_docstring(ast.parse(path.read_text())) is None]
    assert not [str(path) for path in silent if not path.name.endswith(("_pb2.py", "_pb2_grpc.py"))]


def test_the_top_level_is_fixed() -> None:
    """The rooms of the house, and no other name beside them; `operator` and `services` are folders, not packages."""
    assert {path.relative_to(ROOT).parts[0] for path in tracked()} <= TOP_LEVEL
    assert not [room for room in ("operator", "services") if (ROOT / room / "__init__.py").exists()]


def test_no_file_names_a_registry_or_a_lock_of_one() -> None:
    """Lock files and index addresses would tie a clone to somebody's mirror."""
    assert not [path for path in tracked() if path.name in {"uv.lock", "pylock.toml", "package-lock.json"}]
    address = re.compile(rb"(?:extra-)?index-url\s*[=:]|\"resolved\": \"http")
    assert not [str(path) for path in tracked() if path != Path(__file__) and address.search(path.read_bytes())]
