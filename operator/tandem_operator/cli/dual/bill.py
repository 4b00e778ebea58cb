"""What a DualRun has cost, by lane and question. Spend is the coordinator's; nothing is counted here a second time."""

from decimal import Decimal

from tandem_operator.api.dollars import dollars
from tandem_operator.api.dual_run import DualRun
from tandem_operator.cli.show import words
from tandem_operator.cli.show.format import Format
from tandem_operator.cli.show.output import dump
from tandem_operator.local.state.run_folder import DualFolder

from . import said


def tell(folder: DualFolder, output: Format) -> None:
    """Print the cost of a run."""
    run = folder.run()
    if output is not Format.TABLE:
        dump(_told(run), output)
        return
    facts = {
        "spent": said.spend(run),
        "set aside": dollars(run.status.reserved_usd),
        "for a question": _usd(_per_question(run)),
        "at the end": _usd(_projected(run)),
        "budget left": _usd(_left(run)),
    }
    for name, value in facts.items():
        print(f"{name:<16} {value}")
    for line in said.by_lane(run):
        print(line)


def _per_question(run: DualRun) -> Decimal | None:
    return run.status.spent_usd / run.status.done if run.status.done else None


def _projected(run: DualRun) -> Decimal | None:
    """Dollars at the end, if the questions to come cost what those so far did."""
    each = _per_question(run)
    return None if each is None else each * (run.status.total - run.status.failed)


def _left(run: DualRun) -> Decimal | None:
    limit = run.spec.budget.usd
    return None if limit is None else max(Decimal(0), Decimal(limit) - run.status.spent_usd)


def _usd(usd: Decimal | None) -> str:
    return words.NOTHING if usd is None else _fine(usd)


def _fine(usd: Decimal) -> str:
    """A question costs so little that hundredths of cents say nothing of it."""
    return dollars(usd) if usd == 0 or usd >= Decimal("0.001") else f"${usd.quantize(Decimal(1).scaleb(usd.adjusted() - 2)).normalize():f}"


def _told(run: DualRun) -> dict[str, object]:
    amounts = {
        "spentUsd": run.status.spent_usd,
        "usdPerQuestion": _per_question(run),
        "projectedUsd": _projected(run),
        "leftUsd": _left(run),
    }
    return {
        "run": run.name,
        "done": run.status.done,
        **{name: None if usd is None else float(usd) for name, usd in amounts.items()},
        "lanes": [
            {
                "name": lane.name,
                "usd": float(lane.spent_usd),
                "calls": lane.calls,
                "inputTokens": lane.input_tokens,
                "outputTokens": lane.output_tokens,
            }
            for lane in run.status.lanes
        ],
    }
