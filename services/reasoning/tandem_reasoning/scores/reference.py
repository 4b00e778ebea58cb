"""Writes the catalogue down for people: SCORES.md is this and nothing else (`poe metrics`)."""

import sys
from pathlib import Path

from tandem_reasoning.scores.catalogue import ALIASES, CATALOGUE, Entry

_HEAD = """# Scores of a DualRun

Generated from `tandem_reasoning.scores.catalogue` by `poe metrics`; change it there.

**Tandem does not measure consciousness.** Nothing here does, and no formula is known that would. The names `consciousness`,
`integration` and `coherence` of older scripts had no definition; reports show each beside the defined quantity that comes nearest to it:

| older name | shown as |
|---|---|
"""

_RULES = """
Each score comes with its formula, a chance baseline, a 95 % bootstrap interval (the same seed gives the same one), and, if it has a
value for each item, its AUROC against correctness on the labelled items with an interval of its own. Unless that interval lies above one
half, the score is shown as not validated: it may be noise. What cannot be measured is null, never a number. Intervals need ten items, those
of an AUROC ten right and ten wrong answers.

Agreement is not truth: experts that err together agree. Look at `effectiveExperts` beside it, and keep some labelled questions.

| score | meaning | formula | range | baseline | needs | validated by labels |
|---|---|---|---|---|---|---|
"""


def document() -> str:
    """SCORES.md."""
    aliases = "".join(f"| `{older}` | `{name}` |\n" for older, name in sorted(ALIASES.items()))
    return _HEAD + aliases + _RULES + "".join(_line(name, entry) for name, entry in CATALOGUE.items())


def _line(name: str, entry: Entry) -> str:
    cells = (
        f"`{name}`",
        entry.meaning,
        entry.formula,
        entry.range,
        entry.baseline,
        entry.needs,
        "yes" if entry.judged else "is made of them",
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(document())
