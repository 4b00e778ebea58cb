"""The exact versions of everything in an image, with hashes: one requirements.txt beside each deployable.

Made from the members' own pyproject.toml files at the date of the workspace's `exclude-newer`, so that anybody gets the
same text on any day. The workspace leaves out some CUDA libraries that a CPU does not need; images get them all.

    uv run poe exports        writes them; a test proves the committed ones fresh
"""

import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
IMAGES = {"operator": (), "services/telemetry": (), "trainer_image": ("deepspeed",)}
_COMPILE = ["uv", "pip", "compile", "--no-config", "--universal", "--python-version", "3.11", "--generate-hashes"]
_COMPILE += ["--no-header", "--no-annotate", "--quiet"]
_OURS = {"tandem-protos": "protos", "tandem-objects": "services/objects", "tandem-telemetry": "services/telemetry"}


def export(member: str) -> str:
    """requirements.txt of the image that `member` is."""
    date = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["uv"]["exclude-newer"]
    wanted = "\n".join(sorted(set(_third_party(member, IMAGES[member]))))
    made = subprocess.run([*_COMPILE, "--exclude-newer", date, "-"], cwd=ROOT, input=wanted, capture_output=True, text=True, check=True)
    return made.stdout


def _third_party(member: str, extras: tuple[str, ...] = ()) -> Iterator[str]:
    """What a member and the members below it ask of others."""
    project = tomllib.loads((ROOT / member / "pyproject.toml").read_text())["project"]
    chosen = [each for extra in extras for each in project["optional-dependencies"][extra]]
    for requirement in project["dependencies"] + chosen:
        if requirement in _OURS:
            yield from _third_party(_OURS[requirement])
        else:
            yield requirement


if __name__ == "__main__":
    for name in sys.argv[1:] or IMAGES:
        (ROOT / name / "requirements.txt").write_text(export(name))
