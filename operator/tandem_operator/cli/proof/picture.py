"""The proof as a picture: memory by number of experts, memory by window, and how much it varies; drawn by matplotlib if it is installed."""

# matplotlib has few types
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .rows import Row

_MB = 1e6
_ALLOWED, _USUAL = 0.1, 5.0  # per cent: what is allowed here, and what the first experiment of this kind allowed


def save(path: Path, rows: Sequence[Row], device: str) -> Path | None:
    """Draw it; None when matplotlib is not installed."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return None
    figure = Figure(figsize=(14, 4.8), dpi=120, layout="constrained")
    by_experts, by_window, variation = figure.subplots(1, 3)
    _by_experts(by_experts, rows)
    _by_window(by_window, rows)
    _variation(variation, rows)
    figure.suptitle(f"Device memory of a mixture of experts, {device}")
    beside = path.with_name(f".{path.name}")
    figure.savefig(beside, format="png")
    return beside.replace(path)


def _by_experts(axes: Any, rows: Sequence[Row]) -> None:  # noqa: ANN401 - matplotlib's axes
    """Both scales grow by factors: all experts on the device would be a rising line."""
    at = [row.experts for row in rows]
    axes.plot(
        at, [row.resident / _MB for row in rows], color="grey", linestyle="--", marker=".", label="all experts on the device (computed)"
    )
    axes.plot(at, [max(row.peaks) / _MB for row in rows], marker="^", label="peak of all windows")
    axes.errorbar(at, [row.mean / _MB for row in rows], yerr=[row.deviation / _MB for row in rows], marker="o", label="between windows")
    axes.plot(at, [row.router / _MB for row in rows], linestyle=":", marker=".", label="of that the router's (computed)")
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks(at, [f"{count:,}" for count in at])
    axes.minorticks_off()
    _finish(axes, "VRAM by number of experts", "experts in all", "VRAM, MB")


def _by_window(axes: Any, rows: Sequence[Row]) -> None:  # noqa: ANN401 - matplotlib's axes
    for number, row in enumerate(rows):
        windows = range(1, len(row.held) + 1)
        axes.plot(windows, [held / _MB for held in row.held], color=f"C{number}", linewidth=1, label=f"{row.experts:,} experts")
        axes.plot(windows, [peak / _MB for peak in row.peaks], color=f"C{number}", linewidth=1, linestyle=":")
    axes.set_ylim(bottom=0)
    _finish(axes, "VRAM over training windows", "window (dotted: peaks)", "VRAM, MB")


def _variation(axes: Any, rows: Sequence[Row]) -> None:  # noqa: ANN401 - matplotlib's axes
    """Up to what is allowed, or as high as it must be."""
    heights = [row.variation * 100 for row in rows]
    bars = axes.bar(range(len(rows)), heights, tick_label=[f"{row.experts:,}" for row in rows], color=[f"C{at}" for at in range(len(rows))])
    axes.bar_label(bars, fmt="{:.3f} %")
    axes.axhline(_ALLOWED, color="red", linewidth=1, label=f"allowed: {_ALLOWED:g} %")
    if max(heights) > _ALLOWED:
        axes.axhline(_USUAL, color="grey", linewidth=1, linestyle="--", label=f"the first experiment allowed {_USUAL:g} %")
    _finish(axes, "Coefficient of variation", "experts in all", "standard deviation / mean, %")
    axes.set_ylim(0, max(1.2 * _ALLOWED, 1.2 * max(heights)))


def _finish(axes: Any, title: str, across: str, up: str) -> None:  # noqa: ANN401 - matplotlib's axes
    axes.set_title(title)
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.grid(visible=True, alpha=0.3)
    axes.legend(fontsize="small")
