"""The report as one HTML file that needs nothing else: no script, no style sheet, no network; light or dark as its reader's screen is.

All text that a model or a person wrote is escaped; the page forbids itself to load or run anything.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape

from tandem_reasoning.report import comparison, tables, verdict, words
from tandem_reasoning.report.document import NO_CONSCIOUSNESS
from tandem_reasoning.report.figures import Figures
from tandem_reasoning.report.tables import Table

_STYLE = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
h1 { margin-bottom: 0; } h2 { margin-top: 2.5rem; }
.faint { opacity: .75; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: .5rem 0; }
caption { text-align: left; opacity: .75; padding: .25rem 0; }
th, td { padding: .25rem .9rem; text-align: right; border-bottom: 1px solid color-mix(in srgb, currentColor 20%, transparent); }
th:first-child, td:first-child, .text td, .text th { text-align: left; }
.text td { overflow-wrap: anywhere; }
th { font-weight: 600; vertical-align: bottom; }
td { vertical-align: top; }
table:not(.text) td:not(:last-child) { white-space: nowrap; }
.pictures { display: flex; flex-wrap: wrap; gap: 1.5rem; }
figure { flex: 1 1 26rem; margin: 0; max-width: 36rem; }
svg { height: auto; max-width: 100%; }
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_CAPTIONS = {
    "quality": "What quality costs: the run, each lane alone, a coin between them, and the oracle, who knows the cheapest right answer.",
    "kinds": "Right answers by class. Where a lane was asked only some of a class, the others count as those.",
    "spend": "Spent on answers over time, each when it was there; calls without an answer are in the table and not in this line.",
    "calibration": "Does a large share of the votes mean that the answer is right? The numbers are questions.",
}


def page(figures: Figures, pictures: Mapping[str, str]) -> str:
    """The page.

    Args:
        figures: What is told.
        pictures: SVG by name.
    """
    title = f"{figures.name or figures.run_uid}: what the pair came to"
    return (
        f'<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head>\n<body>\n<h1>{escape(title)}</h1>\n{''.join(_body(figures, pictures))}</body>\n</html>\n"
    )


def _body(figures: Figures, pictures: Mapping[str, str]) -> Iterator[str]:
    times = f"answers from {words.moment(figures.first_at)} to {words.moment(figures.last_at)}"
    yield _faint(f"Run {figures.run_uid}, read {figures.made_at:%Y-%m-%d %H:%M:%S} UTC; {times}.")
    yield f"<ul>{''.join(f'<li>{escape(sentence)}</li>' for sentence in verdict.sentences(figures))}</ul>\n"
    if not pictures:
        yield _faint("There are no pictures: nothing was measured that one shows, or matplotlib is not installed.")
    yield _section("Would one lane have done?", [tables.alone(figures), tables.kinds(figures)], _drawn(pictures, "quality", "kinds"))
    yield _section("What did it cost?", [tables.lanes(figures)], _drawn(pictures, "spend"))
    yield _section("What did the pair learn?", [tables.learned(figures), tables.agreement(figures)], _drawn(pictures, "calibration"))
    yield _section("Scores", [tables.scores(figures)], _faint(tables.SCORES_NOTE))
    yield _section("Older names", [tables.older(figures)], _faint(NO_CONSCIOUSNESS))
    table = Table(caption="", head=comparison.head(), rows=list(comparison.rows(comparison.compared(figures))))
    yield _section("Cloud and local, side by side", [table], _faint(tables.COMPARISON_NOTE))
    yield _section("What happened", [tables.events(figures), tables.failures(figures)], "")


def _section(title: str, told: Iterable[Table], more: str) -> str:
    filled = [table for table in told if table.rows]
    if not filled and not more:
        return ""
    return f"<section><h2>{escape(title)}</h2>\n{''.join(map(_table, filled))}{more}</section>\n"


def _table(table: Table) -> str:
    caption = f"<caption>{escape(table.caption)}</caption>" if table.caption else ""
    rows = "\n".join(f"<tr>{_cells('td', row)}</tr>" for row in table.rows)
    kind = ' class="text"' if table.text else ""
    return f'<div class="wide"><table{kind}>{caption}\n<tr>{_cells("th", table.head)}</tr>\n{rows}\n</table></div>\n'


def _cells(tag: str, texts: Sequence[str]) -> str:
    return "".join(f"<{tag}>{escape(text)}</{tag}>" for text in texts)


def _drawn(pictures: Mapping[str, str], *names: str) -> str:
    figures = "".join(f"<figure>{pictures[name]}<figcaption>{_CAPTIONS[name]}</figcaption></figure>" for name in names if name in pictures)
    return f'<div class="pictures">{figures}</div>\n' if figures else ""


def _faint(text: str) -> str:
    return f'<p class="faint">{escape(text)}</p>\n'
