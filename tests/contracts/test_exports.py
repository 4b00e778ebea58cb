"""The committed versions of every image are those that its pyproject.toml asks for, and name no registry."""

import re
from pathlib import Path

import pytest

from tests.contracts.exports import EXPORTS, ROOT, Export, export


@pytest.mark.parametrize("wanted", EXPORTS, ids=lambda wanted: wanted.file)
def test_the_versions_of_an_image_are_fresh(wanted: Export) -> None:
    """Exporting again gives the committed text to the letter."""
    assert (ROOT / wanted.file).read_text() == export(wanted), "run: uv run poe exports"


@pytest.mark.parametrize("wanted", EXPORTS, ids=lambda wanted: wanted.file)
def test_every_package_of_an_image_is_pinned_with_hashes_and_none_names_a_host(wanted: Export) -> None:
    """Each requirement is `name==version` followed by sha256 hashes; no address of a registry appears."""
    text = (ROOT / wanted.file).read_text()
    requirements = text.replace("\\\n", " ").splitlines()
    assert requirements
    assert all(re.match(r"[a-z0-9._-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", line) for line in requirements)
    assert "://" not in text


def test_the_operator_image_carries_no_torch() -> None:
    """The operator is small: neither torch nor any CUDA library is among its packages."""
    assert not re.search(r"^(torch|nvidia-)", (ROOT / "operator/requirements.txt").read_text(), re.MULTILINE)


@pytest.mark.parametrize("name", ["requirements-cpu.txt", "requirements-no-torch.txt"])
def test_every_trainer_image_has_the_same_versions(name: str) -> None:
    """The others leave CUDA out, or torch, and change nothing: what is tested without cards is what runs on them."""
    everything, pins = (_pins(ROOT / "trainer_image" / each) for each in ("requirements.txt", name))
    assert pins < everything
    assert not [pin for pin in everything - pins if not re.match("cuda-|nvidia-|torch|triton", pin)]


def _pins(path: Path) -> set[str]:
    return set(re.findall(r"^\S+==\S+", path.read_text(), re.MULTILINE))
