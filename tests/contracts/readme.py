"""The parts of the README that are made from the code, between markers: `<!-- phases ... -->` and `<!-- /phases -->`.

uv run poe readme        writes them; a test proves the committed ones fresh
"""

import re
from pathlib import Path

from tandem_operator.plan import phases

README = Path(__file__).parents[2] / "README.md"
_DIAGRAM = re.compile(r"(<!-- phases[^>]*-->\n).*?(<!-- /phases -->)", re.DOTALL)


def refreshed(text: str) -> str:
    """The README with the phase diagram as the planner's table has it."""
    drawn = f"```mermaid\n{phases.diagram().rstrip()}\n```\n"
    fresh, times = _DIAGRAM.subn(lambda found: found[1] + drawn + found[2], text)
    assert times == 1, "the README has lost its markers <!-- phases --> and <!-- /phases -->"
    return fresh


if __name__ == "__main__":
    README.write_text(refreshed(README.read_text()))
