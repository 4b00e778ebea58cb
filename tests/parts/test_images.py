"""Images: built once for what goes into them, with this machine's pip settings, which stay out of them."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.parts.fixtures import needing
from tests.parts.image_record import Record
from tests.parts.images import bases, build, too_old
from tests.parts.part import need_root

DOCKERFILE = """\
ARG BASE
ARG BUILD_BASE
FROM ${BUILD_BASE} AS built
RUN pip config list > /settings && python3 -c "print('built')" > /built
FROM ${BASE}
COPY --from=built /settings /built /
COPY app/ /app/
RUN rm /app/gone && cat /etc/pip.conf > /settings-here
USER 65532
ENTRYPOINT ["python3", "/app/main.py"]
"""


@pytest.fixture
def context(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A working tree with a Dockerfile, what it copies, and what git ignores."""
    with needing("images", request.config):
        need_root("building an image")
    files = {"Dockerfile": DOCKERFILE, "app/main.py": "print('hello')\n", "app/gone": "", "app/x.pyc": "", ".gitignore": "*.pyc\n"}
    (tmp_path / "app").mkdir()
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    return tmp_path


class Builder:
    """Builds the context's image, and counts how often that was work."""

    def __init__(self, context: Path, config: pytest.Config) -> None:
        self.context, self.config = context, config
        self.said: list[str] = []

    def __call__(self) -> Record:
        with needing("images", self.config):
            return Record.read(build(Path("Dockerfile"), "localhost/tandem-test:1", self.context, bases(), self.said.append))

    @property
    def builds(self) -> int:
        return sum("building it" in line for line in self.said)


def content(record: Record, path: str) -> Path:
    """A file of the image, from the topmost layer that has it."""
    found = [Path(layer.folder, path) for layer in record.layers if os.path.lexists(Path(layer.folder, path))]
    return found[-1]


def configured(record: Record) -> dict[str, Any]:
    return json.loads(record.config)["config"]


def test_what_is_in_an_image(context: Path, request: pytest.FixtureRequest) -> None:
    """The base, what the Dockerfile copies and makes, and nothing that git ignores or that only this machine needs."""
    record = Builder(context, request.config)()
    assert configured(record)["User"] == "65532"
    assert content(record, "app/main.py").read_text() == "print('hello')\n"
    assert content(record, "built").read_text() == "built\n"
    assert "nonroot:x:65532" in content(record, "etc/passwd").read_text()
    assert not any(os.path.lexists(Path(layer.folder, "app/x.pyc")) for layer in record.layers)
    assert content(record, "app/gone").is_char_device()  # as overlayfs marks what a layer deletes
    assert "cert" in content(record, "settings").read_text()
    settings = [Path(layer.folder, "etc/pip.conf") for layer in record.layers]
    assert not [path for path in settings if path.exists() and path.read_text()]
    assert not [name for name in configured(record)["Env"] if name.startswith("PIP_")]


def test_built_once(context: Path, request: pytest.FixtureRequest) -> None:
    """The same inputs are not built again; another file, or another mode of one, is another image."""
    builder = Builder(context, request.config)
    (context / "app/main.py").write_text(f"print({os.urandom(8).hex()!r})\n")
    first = builder()
    assert builder() == first
    assert builder.builds == 1
    (context / "app/x.pyc").write_text("ignored")
    (context / "elsewhere").write_text("not copied")
    assert builder() == first
    (context / "app/main.py").chmod(0o755)
    second = builder()
    assert builder.builds == 2
    assert second.layers[0] == first.layers[0]
    assert second.key != first.key


def test_a_build_that_fails(context: Path, request: pytest.FixtureRequest) -> None:
    """It says what the failing command said, and is tried again the next time."""
    (context / "Dockerfile").write_text("ARG BASE\nFROM ${BASE}\nRUN echo no such luck; false\n")
    builder = Builder(context, request.config)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="no such luck"):
            builder()
    assert builder.builds == 2


def test_old_images_go() -> None:
    """Of those that have no name any more the newest two dozen stay."""
    nameless = [{"id": f"built-at-{at}", "created": at} for at in (*range(20, 40), *range(20))]
    assert too_old(nameless) == [f"built-at-{at}" for at in reversed(range(16))]
