"""The committed versions of every image are those that its pyproject.toml asks for, and name no registry."""

import re

import pytest

from tests.contracts.exports import IMAGES, ROOT, export


@pytest.mark.parametrize("member", IMAGES)
def test_the_versions_of_an_image_are_fresh(member: str) -> None:
    """Exporting again gives the committed text to the letter."""
    assert (ROOT / member / "requirements.txt").read_text() == export(member), "run: uv run poe exports"


@pytest.mark.parametrize("member", IMAGES)
def test_every_package_of_an_image_is_pinned_with_hashes_and_none_names_a_host(member: str) -> None:
    """Each requirement is `name==version` followed by sha256 hashes; no address of a registry appears."""
    text = (ROOT / member / "requirements.txt").read_text()
    requirements = text.replace("\\\n", " ").splitlines()
    assert requirements
    assert all(re.match(r"[a-z0-9._-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", line) for line in requirements)
    assert "://" not in text


def test_the_operator_image_carries_no_torch() -> None:
    """The operator is small: neither torch nor any CUDA library is among its packages."""
    assert not re.search(r"^(torch|nvidia-)", (ROOT / "operator/requirements.txt").read_text(), re.MULTILINE)
