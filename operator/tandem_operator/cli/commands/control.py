"""`tandem stop` and `tandem resume`: a run rests, and goes on."""

from decimal import Decimal, InvalidOperation
from typing import Annotated

import typer

from .options import Plain, RunName


def stop(name: RunName, *, plain: Plain = False) -> None:
    """Save a checkpoint of RUN and stop it; returns when its workers have left. Works from any terminal."""
    from tandem_operator.cli import running

    raise typer.Exit(running.stop(name, plain=plain))


def resume(
    name: RunName,
    *,
    budget_usd: Annotated[str | None, typer.Option("--budget-usd", help="New budget in US dollars, spend so far included.")] = None,
    plain: Plain = False,
) -> None:
    """Go on with RUN at the step after its last checkpoint."""
    from tandem_operator.cli import running

    raise typer.Exit(running.resume(name, _dollars(budget_usd), plain=plain))


def _dollars(text: str | None) -> Decimal | None:
    if text is None:
        return None
    try:
        usd = Decimal(text)
    except InvalidOperation:
        usd = Decimal(0)
    if said := _wrong(usd):
        from tandem_operator.cli.exits import Exit, leave

        leave(Exit.BAD_INPUT, f"--budget-usd: {text} {said}")
    return usd


def _wrong(usd: Decimal) -> str:
    """What is said of an amount that no budget can be; nothing of any other."""
    from tandem_operator.api import limits, scalars

    if not usd.is_finite() or usd <= 0:
        return "is no amount: write dollars, such as 2.50"
    return limits.MOST.format(scalars.MOST_USD) if usd > scalars.MOST_USD else ""
