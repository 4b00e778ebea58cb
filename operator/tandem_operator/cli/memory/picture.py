"""The comparison as a picture: four panels, drawn by matplotlib if it is installed."""

# matplotlib has few types
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

import io
from typing import Any

from . import told
from .comparing import Comparison

_WIDTH = 0.8  # of a group of bars, where the next group begins at 1


def drawn(comparison: Comparison, form: str) -> bytes | None:
    """The picture as "png" or "svg"; None when matplotlib is not installed."""
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError:
        return None
    with rc_context({"svg.hashsalt": "tandem"}):  # the same picture is the same bytes
        figure = Figure(figsize=(11, 7), dpi=120, layout="constrained")
        wrote, cost, scores, uses = figure.subplots(2, 2).flat
        names = [_name(side.name) for side in comparison.sides]
        _bars(wrote, names, [side.records for side in comparison.sides], "records", "{:,.0f}")
        _bars(cost, names, [float(side.cost_usd or 0) for side in comparison.sides], "cost, US dollars", "{:,.2f}")
        _grouped(scores, comparison)
        _matrix(uses, comparison)
        out = io.BytesIO()
        figure.savefig(out, format=form, metadata={"Date": None} if form == "svg" else None)
    return out.getvalue()


def _bars(axes: Any, names: list[str], heights: list[float] | list[int], title: str, form: str) -> None:  # noqa: ANN401 - matplotlib's axes
    """A bar for each source, in the colour that it has in every panel."""
    bars = axes.bar(range(len(names)), heights, tick_label=names, color=[f"C{at}" for at in range(len(names))])
    axes.bar_label(bars, fmt=form)
    axes.set_title(title)
    axes.margins(y=0.15)
    axes.spines[["top", "right"]].set_visible(False)


def _grouped(axes: Any, comparison: Comparison) -> None:  # noqa: ANN401 - matplotlib's axes
    """Means of score and of the metrics that lie between 0 and 1, as those of the first scripts do; a claim is marked."""
    from .reporting import named

    metrics = [metric for metric in comparison.metrics if _unit(metric)]
    labels = ["score", *map(named, metrics)]
    for at, side in enumerate(comparison.sides):
        means = [side.score, *(side.metrics.get(metric) for metric in metrics)]
        wide = _WIDTH / len(comparison.sides)
        there = [(place, mean) for place, mean in enumerate(means) if mean is not None]
        axes.bar(
            [place + at * wide for place, _ in there],
            [mean for _, mean in there],
            wide,
            color=f"C{at}",
            label=_name(side.name),
            align="edge",
        )
    axes.set_xticks([place + _WIDTH / 2 for place in range(len(labels))], labels, rotation=20, ha="right")
    axes.set_ylim(0, 1)
    axes.set_title("means, in the same colours (* as the writer claimed it)")
    axes.spines[["top", "right"]].set_visible(False)


def _matrix(axes: Any, comparison: Comparison) -> None:  # noqa: ANN401 - matplotlib's axes
    """Who used whose records; the gain stands beside whose they are."""
    sides, users = comparison.sides, comparison.users
    axes.set_title("who (across) used whose records (down)")
    if not users:
        axes.text(0.5, 0.5, "nothing was used yet", ha="center", va="center", transform=axes.transAxes)
        axes.set_axis_off()
        return
    times = [[side.used_by.get(user, 0) for user in users] for side in sides]
    axes.imshow(
        times, cmap="Blues", aspect="auto", vmax=1.5 * max(map(max, times)) or 1
    )  # the darkest is left to no cell: text stands on it
    axes.set_xticks(range(len(users)), [_name(user) for user in users])
    gains = ["" if side.gain is None else f"\ngain {side.gain:+.3f}" for side in sides]
    axes.set_yticks(range(len(sides)), [f"{_name(side.name)}{gain}" for side, gain in zip(sides, gains, strict=True)])
    for down, row in enumerate(times):
        for across, count in enumerate(row):
            axes.text(across, down, f"{count:,}", ha="center", va="center")


def _unit(metric: str) -> bool:
    from tandem_memory.client import METRICS

    known = METRICS.get(metric)
    return known is not None and (known.low, known.high) == (0, 1)


def _name(source: str) -> str:
    """A source as matplotlib prints it: a dollar would begin a formula."""
    return told.clean(source).replace("$", r"\$") or "-"
