"""The loss curve of a run: a picture file by matplotlib, and a drawing for the terminal by plotext. Both are optional extras."""

# plotext has no types, and matplotlib few of them
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownArgumentType=false

import shutil
from collections.abc import Sequence
from pathlib import Path

from tandem_operator.local.history import Attempt
from tandem_operator.local.reports import Step

_FEWEST_STEPS = 2
_ROWS = 16
_WIDEST = 100


def save(path: Path, name: str, curve: Sequence[Step], attempts: Sequence[Attempt]) -> Path | None:
    """Draw the picture; None when there is nothing to draw yet, or matplotlib is not installed."""
    if len(curve) < _FEWEST_STEPS:
        return None
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return None
    figure = Figure(figsize=(9, 5), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    axes.plot([step.step for step in curve], [step.loss for step in curve], linewidth=1)
    for attempt in attempts[1:]:
        if steps := attempt.steps():
            axes.axvline(steps[0].step, color="grey", linewidth=0.8, linestyle=":")
    tries = f", {len(attempts)} attempts" if len(attempts) > 1 else ""
    axes.set_title(f"{name}: loss {curve[-1].loss:.4f} after {curve[-1].step} steps{tries}")
    axes.set_xlabel("optimizer step (dotted: an attempt began)")
    axes.set_ylabel("training loss, nats a token")
    axes.grid(visible=True, alpha=0.3)
    beside = path.with_name(f".{path.name}")
    figure.savefig(beside, format="png")
    return beside.replace(path)


def drawn(curve: Sequence[Step]) -> str:
    """The curve for a terminal; empty when there is nothing to draw yet, or plotext is not installed."""
    if len(curve) < _FEWEST_STEPS:
        return ""
    try:
        import plotext
    except ImportError:
        return ""
    figure = plotext.figure
    figure.clear()
    figure.theme("colorless")
    figure.plot_size(min(_WIDEST, shutil.get_terminal_size().columns), _ROWS)
    figure.title("loss by optimizer step")
    signal = figure.signal([step.step for step in curve], [step.loss for step in curve], marker="braille")
    figure.draw(signal.lines(True))  # noqa: FBT003 - plotext's own signature
    return str(figure.build().string(colorless=True))
