"""The pictures of a report, drawn by matplotlib if it is installed: SVG that stands in the page and takes its colours from it.

What is text or an axis is drawn in one odd colour and then becomes `currentColor`, so that a picture is as light or as dark as its page.
"""

# matplotlib has few types
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

import io
import re
from collections.abc import Callable, Mapping
from html import escape
from importlib.util import find_spec
from typing import Any

from tandem_reasoning.report import words
from tandem_reasoning.report.alone import ByKind
from tandem_reasoning.report.figures import Figures

_INK = "#010203"
_STYLE: dict[Any, Any] = {
    **dict.fromkeys(("text.color", "axes.edgecolor", "axes.labelcolor", "axes.titlecolor", "xtick.color", "ytick.color"), _INK),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "legend.frameon": False,
    "savefig.transparent": True,
    "font.family": "sans-serif",
    "svg.fonttype": "none",  # text stays text: smaller, and found by whoever searches the page
    "svg.hashsalt": "tandem",  # the same picture is the same bytes
}
_LOCAL, _CLOUD, _RUN, _OTHER = "#2a9d8f", "#4a7fd6", "#e76f51", "#9a8fb8"  # told apart on white and on black, and in grey
_MOST_KINDS = 12  # classes in a picture; more would be stripes
_FAR = 10  # times what was spent: a cap beyond would press the line flat
_TICKS = 5  # of an axis in dollars
_WIDTH = 0.27  # of a bar, three of them to a class


def drawn(figures: Figures) -> Mapping[str, str]:
    """Pictures by name, those of which anything is known; none when matplotlib is not installed."""
    if find_spec("matplotlib") is None:
        return {}
    wanted: Mapping[str, tuple[Callable[[Any, Figures], None], bool]] = {
        "quality": (_quality, figures.curve is not None),
        "spend": (_spend, len(figures.spend) > 1),
        "kinds": (_kinds, bool(figures.kinds)),
        "calibration": (_calibration, any(each.right.of for each in figures.bins)),
    }
    return {name: _picture(name, draw, figures) for name, (draw, known) in wanted.items() if known}


def _picture(name: str, draw: Callable[[Any, Figures], None], figures: Figures) -> str:
    """SVG; where matplotlib fails, what it says stands in the picture's place, and the rest of the report is there."""
    try:
        return _svg(name, draw, figures)
    except Exception as error:  # noqa: BLE001 - whatever a library for drawing raises: no figure depends on it
        return f"<p>This picture could not be drawn: {escape(f'{type(error).__name__}: {error}')}</p>"


def _svg(name: str, draw: Callable[[Any, Figures], None], figures: Figures) -> str:
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(_STYLE):
        figure = Figure(figsize=(6.4, 4), layout="constrained")
        draw(figure.subplots(), figures)
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None})
    svg = out.getvalue()
    svg = svg[svg.find("<svg") :].replace(_INK, "currentColor")
    return re.sub(r'(id="|url\(#|href="#)', rf"\g<1>{name}-", svg)  # ids are the page's, and pictures share it


def _quality(axes: Any, figures: Figures) -> None:  # noqa: ANN401 - matplotlib's axes
    """The run between the lanes, the coin's line, and the oracle."""
    curve = figures.curve
    assert curve is not None
    (run,) = curve.points
    ends = sorted((curve.local, curve.cloud), key=lambda point: point.cost_nano)
    axes.plot([end.cost_nano for end in ends], [end.worth for end in ends], "--", color=_OTHER, label="a coin between them")
    marks = [(curve.local, _LOCAL, "s"), (curve.cloud, _CLOUD, "^"), (run, _RUN, "o")]
    if curve.oracle is not None:
        marks.append((curve.oracle, _OTHER, "*"))
    for point, colour, mark in marks:
        axes.plot(point.cost_nano, point.worth, mark, color=colour, markersize=9, label=point.name)
    _in_dollars(axes.xaxis)
    axes.set_xlabel("cost of a question")
    axes.set_ylabel("right")
    axes.set_ylim(-0.03, 1.03)
    _legend(axes)


def _spend(axes: Any, figures: Figures) -> None:  # noqa: ANN401 - matplotlib's axes
    """What was spent on answers by when, and the cap."""
    times, spent = zip(*figures.spend, strict=True)
    unit_s, unit = _unit(times[-1])
    axes.step([each / unit_s for each in times], spent, where="post", color=_RUN, label="spent on answers")
    if figures.cap_nano is not None:
        label = f"cap {_dollars(figures.cap_nano, None)}"
        if figures.cap_nano <= _FAR * spent[-1]:
            axes.axhline(figures.cap_nano, ls="--", color=_OTHER, label=label)
        else:
            axes.plot([], [], ls="--", color=_OTHER, label=f"{label}, far above")
    axes.set_xlabel(f"{unit} since the first answer")
    _in_dollars(axes.yaxis)
    axes.set_ylabel("spent")
    axes.set_ylim(bottom=0)
    _legend(axes)


def _kinds(axes: Any, figures: Figures) -> None:  # noqa: ANN401 - matplotlib's axes
    """Accuracy by class: the local lane, the cloud lane, the run."""
    kinds = figures.kinds[:_MOST_KINDS]
    columns: list[tuple[str, str, Callable[[ByKind], float | None]]] = [
        ("local lane", _LOCAL, lambda each: each.local),
        ("cloud lane", _CLOUD, lambda each: each.cloud),
        ("this run", _RUN, lambda each: each.run),
    ]
    for column, (label, colour, of) in enumerate(columns):
        there = [(place + column * _WIDTH, value) for place, each in enumerate(kinds) if (value := of(each)) is not None]
        axes.bar([at for at, _ in there], [value for _, value in there], _WIDTH, color=colour, label=label)
    turned = {"rotation": 30, "ha": "right"} if len(kinds) > 4 else {}  # noqa: PLR2004 - names beside each other fit
    axes.set_xticks([place + _WIDTH for place in range(len(kinds))], [_name(each.kind) for each in kinds], **turned)
    axes.set_ylabel("right")
    axes.set_ylim(0, 1.02)
    _legend(axes)


def _calibration(axes: Any, figures: Figures) -> None:  # noqa: ANN401 - matplotlib's axes
    """How often leading answers with such a share of the votes are right; on the line that share would be a probability."""
    axes.plot([0, 1], [0, 1], "--", color=_OTHER, label="share = accuracy")
    known = [(each.agreement, each.right) for each in figures.bins if each.right.of]
    for number, (agreement, right) in enumerate(known):
        value, interval = right.value, right.interval
        assert value is not None
        assert interval is not None
        spread = [[max(value - interval.low, 0)], [max(interval.high - value, 0)]]
        label = "votes, 95 %" if not number else None
        axes.errorbar([agreement], [value], yerr=spread, fmt="o", color=_RUN, capsize=3, label=label)
        axes.annotate(f"{right.of:,}", (agreement, value), textcoords="offset points", xytext=(6, 6), fontsize=8)
    axes.set_xlabel("share of the votes for the leading answer")
    axes.set_ylabel("right")
    axes.set_xlim(0, 1.05)
    axes.set_ylim(-0.03, 1.03)
    _legend(axes)


def _in_dollars(axis: Any) -> None:  # noqa: ANN401 - matplotlib's axis
    """Nano-dollars in words; few of them, because they are long."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(_TICKS))
    axis.set_major_formatter(_dollars)


def _dollars(nano: float, _: int | None) -> str:
    return words.dollars(nano).replace("$", r"\$")


def _legend(axes: Any) -> None:  # noqa: ANN401 - matplotlib's axes
    """Above the picture, where it hides nothing."""
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)


def _unit(seconds: float) -> tuple[float, str]:
    """What to count a time in."""
    return next((unit for unit in ((3600, "hours"), (60, "minutes")) if seconds >= 2 * unit[0]), (1, "seconds"))


def _name(kind: str) -> str:
    """A class as matplotlib prints it: a dollar would begin a formula."""
    return kind.replace("$", r"\$") or "-"
