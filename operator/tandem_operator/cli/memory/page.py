"""The comparison as one HTML file that needs nothing else: no script, no style sheet, no network."""

from collections.abc import Iterable, Sequence
from html import escape

_STYLE = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { margin: 2rem auto; max-width: 70rem; padding: 0 1rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem 1rem; text-align: right; border-bottom: 1px solid color-mix(in srgb, currentColor 20%, transparent); }
th:first-child, td:first-child { text-align: left; }
svg { background: white; border-radius: .5rem; height: auto; margin-top: 2rem; max-width: 100%; }
"""


def page(head: Sequence[str], rows: Iterable[Sequence[str]], notes: Iterable[str], picture: str) -> str:
    """The page.

    Args:
        head: The table's head.
        rows: Its rows.
        notes: What must be said with it.
        picture: An SVG document; empty for none.
    """
    body = "\n".join(f"<tr>{_cells('td', row)}</tr>" for row in rows)
    said = "\n".join(f"<p>{escape(note)}</p>" for note in notes)
    drawn = picture[picture.find("<svg") :] if picture else ""  # inside a page SVG has no XML head
    return (
        f'<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8"><title>Shared memory</title><style>{_STYLE}</style></head>\n'
        f"<body>\n<h1>Shared memory</h1>\n<table>\n<tr>{_cells('th', head)}</tr>\n{body}\n</table>\n{said}\n{drawn}\n</body>\n</html>\n"
    )


def _cells(tag: str, texts: Iterable[str]) -> str:
    return "".join(f"<{tag}>{escape(text)}</{tag}>" for text in texts)
