"""What the images hold, and what they must not: read from their layers, and asked of the images themselves."""

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from stat import S_ISLNK

import pytest

from tests.images.conftest import Built, Mounted
from tests.parts.our_images import DOCKERFILES, ROOT
from tests.parts.pip_settings import _settings

ENTRY_POINTS = {
    "operator": "tandem_operator.cluster",
    "memory": "tandem_memory",
    "reasoning": "tandem_reasoning.worker",
    "telemetry": "tandem_telemetry",
    "trainer": "tandem_trainer.agent",
}
MEMBERS = {
    "operator": ("protos", "services/objects", "services/telemetry", "operator"),
    "memory": ("protos", "services/objects", "services/memory"),
    "reasoning": ("protos", "services/objects", "services/memory", "services/reasoning"),
    "telemetry": ("protos", "services/telemetry"),
    "trainer": ("protos", "services/objects", "services/telemetry", "trainer_image"),
}
# That nobody adds a large one unnoticed.
LIBRARIES_MIB = {"operator": 160, "memory": 250, "reasoning": 160, "telemetry": 60, "trainer": 1050}
CODE, LIBRARIES = "opt/tandem/code/", "opt/tandem/libraries/"
SAYS_VERSIONS = "import importlib.metadata as m, json, sys; print(json.dumps({n: m.version(n) for n in sys.argv[1:]}))"
COMPILERS = {"gcc", "cc", "c++", "g++", "clang", "ld", "make", "cmake", "nvcc", "ptxas", "pip", "pip3"}

every_image = pytest.mark.parametrize("name", DOCKERFILES)


@every_image
def test_an_image_starts_its_service_as_nobody_in_particular(built: Built, name: str) -> None:
    """User 65532, no shell in between, and Python never tries to write beside the code."""
    settings = built(name).settings
    assert settings["User"] == "65532:65532"
    assert settings["Entrypoint"] == ["python3", "-m", ENTRY_POINTS[name]]
    assert "PYTHONDONTWRITEBYTECODE=1" in settings["Env"]
    assert not settings.get("Cmd")


@every_image
def test_an_image_says_what_it_is(built: Built, name: str) -> None:
    """Title, licence and revision stand in its labels."""
    labels = {key.removeprefix("org.opencontainers.image."): value for key, value in built(name).settings["Labels"].items()}
    assert labels["title"] == f"Tandem {name}"
    assert labels["licenses"] == "Apache-2.0"
    assert labels["revision"]


@every_image
def test_our_code_is_a_small_layer_of_its_own(built: Built, name: str) -> None:
    """The last layer that adds anything has our packages and no other; the one below, of a limited size, has all libraries."""
    libraries, code = ({path: file.stat().st_size for path, file in layer.items() if file.is_file()} for layer in built(name).added[-2:])
    assert all(path.startswith(CODE) for path in code)
    assert all(path.startswith(LIBRARIES) for path in libraries)
    assert sum(code.values()) < 5 << 20
    assert sum(libraries.values()) < LIBRARIES_MIB[name] << 20


@every_image
def test_everything_is_compiled(built: Built, name: str) -> None:
    """Each module of ours and of the libraries has its bytecode beside it, which is never compared with its source again."""
    files = built(name).files
    modules = {path for path in files if path.endswith(".py") and path.startswith((CODE, LIBRARIES))}
    compiled = {re.sub(r"__pycache__/(.*)\.cpython-\d+\.pyc$", r"\1.py", path) for path in files}
    assert modules
    assert not sorted(modules - compiled)


@every_image
def test_nothing_to_build_with_is_left(built: Built, name: str) -> None:
    """Neither pip nor a compiler is in an image, nor the console scripts of libraries."""
    names = {Path(path).name for path in built(name).files}
    assert not names & COMPILERS
    assert not [path for path in built(name).files if re.match(rf"({CODE}|{LIBRARIES})(bin|pip|pip-[^/]*|hatchling)/", path)]


@every_image
def test_nothing_of_the_machine_that_built_it_is_inside(built: Built, name: str) -> None:
    """No configuration of pip, none of its caches, no address or folder that packages came from: neither in files nor in the history."""
    image = built(name)
    assert not [path for path in image.files if re.search(r"pip\.conf$|\.netrc$|(^|/)\.cache/|^(root|home|tmp|var)/.", path)]
    ours = [word.encode() for value in _settings().values() for word in re.findall(r"(?<=//)[^/:@\s]+|^/\S+", value)]
    assert not [path for path, file in image.files.items() for word in ours if not file.is_symlink() and word in file.read_bytes()]
    assert not [word for word in ours if word in image.record.config.encode()]


@every_image
def test_nobody_can_change_the_code(built: Built, name: str) -> None:
    """All of it belongs to root, and is for others to read only."""
    members = {name: path.lstat() for layer in built(name).added for name, path in layer.items() if name.startswith("opt/")}
    assert members
    assert not [
        name for name, of in members.items() if (of.st_uid, of.st_gid) != (0, 0) or (of.st_mode & 0o022 and not S_ISLNK(of.st_mode))
    ]


@pytest.mark.parametrize(("name", "counts"), [("operator", False), ("memory", True), ("reasoning", True), ("telemetry", False)])
def test_services_carry_no_torch(built: Built, name: str, *, counts: bool) -> None:
    """Neither torch nor what draws pictures, nor anything of a trainer; numpy where there is something to count."""
    packages = {path.removeprefix(LIBRARIES).removeprefix(CODE).split("/")[0] for path in built(name).files}
    assert not packages & {"torch", "deepspeed", "nvidia", "matplotlib", "plotext", "tandem_trainer"}
    assert ("numpy" in packages) is counts


@every_image
def test_an_image_has_our_packages_in_their_versions(mounted: Mounted, name: str) -> None:
    """Its Python finds each of them, as their pyproject.toml files say."""
    wanted = dict(_versions(name))
    code, printed = mounted(name).run("python3", "-c", SAYS_VERSIONS, *wanted)
    assert code == 0, printed
    assert json.loads(printed) == wanted


def _versions(name: str) -> Iterator[tuple[str, str]]:
    for member in MEMBERS[name]:
        project = tomllib.loads((ROOT / member / "pyproject.toml").read_text())["project"]
        yield project["name"], project["version"]
