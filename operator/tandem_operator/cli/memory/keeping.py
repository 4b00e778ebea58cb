"""What keeps a memory good: `prune`, `check`, `backup`."""

from datetime import datetime
from typing import TYPE_CHECKING

import typer

from tandem_operator.cli.exits import Exit, leave
from tandem_operator.cli.show import table, words
from tandem_operator.cli.show.format import Format
from tandem_operator.cli.show.output import dump

from . import told
from .asked import Place, Which
from .speaking import speaking

if TYPE_CHECKING:
    from tandem_memory.client import Removed


def prune(
    place: Place,
    which: Which,
    output: Format,
    *,
    keep_best: int | None,
    per_source: bool,
    before: datetime | None,
    harmful_after: int | None,
    dry_run: bool,
) -> None:
    """Remove what is named, and print what went of each source."""
    if keep_best is before is harmful_after is None:
        leave(Exit.BAD_INPUT, "prune: nothing says what should go; give --keep-best N, --before TIME or --harmful-after USES")
    if per_source and keep_best is None:
        leave(Exit.BAD_INPUT, "--per-source: says how --keep-best counts; give --keep-best N, too")
    with speaking(place) as memory:
        from tandem_memory.client import Pruning

        gone = memory.prune(
            Pruning(
                among=which.filter(),
                keep_best=keep_best,
                per_source=per_source,
                before=before,
                harmful_after=harmful_after,
                dry_run=dry_run,
            )
        )
    _print(gone, output, dry_run=dry_run, among="of those that match stay, as all others do" if which.some else "stay")


def _print(gone: "Removed", output: Format, *, dry_run: bool, among: str) -> None:
    if output is not Format.TABLE:
        counts = {"dryRun": dry_run, "removed": gone.removed, "kept": gone.kept}
        dump({**counts, "bySource": dict(gone.by_source), "ids": list(gone.ids)}, output)
        return
    would = "would go" if dry_run else "removed"
    print(f"{words.number(gone.removed)} {would}, {words.number(gone.kept)} {among}")
    if gone.by_source:
        rows = ((told.clean(source) or words.NOTHING, words.number(count)) for source, count in sorted(gone.by_source.items()))
        table.columns(("SOURCE", "WOULD GO" if dry_run else "REMOVED"), rows)


def check(place: Place, output: Format, deadline_s: float) -> None:
    """Print what is not as it must be; exit code 1 if anything is."""
    with speaking(place, whole=True) as memory:
        checked = memory.check(deadline_s=deadline_s)
    if output is not Format.TABLE:
        findings = [{"namespace": each.namespace, "where": each.where, "what": each.what} for each in checked.findings]
        dump({"records": checked.records, "findings": findings}, output)
    else:
        for each in checked.findings:
            print(": ".join(map(told.clean, filter(None, (each.namespace, each.where, each.what)))))  # keys are their writers' words
        verdict = f"{len(checked.findings)} things are not as they must be" if checked.findings else "all is well"
        print(f"{words.number(checked.records)} records: {verdict}")
    raise typer.Exit(Exit.FAILED if checked.findings else Exit.DONE)


def backup(place: Place, uri: str, output: Format, deadline_s: float) -> None:
    """Copy the whole store, and print where the copy is."""
    with speaking(place, whole=True) as memory:
        made = memory.backup(uri, deadline_s=deadline_s)
    if output is not Format.TABLE:
        dump({"uri": made.uri, "records": made.records, "bytes": made.bytes}, output)
    else:
        print(f"{words.number(made.records)} records, {words.size(made.bytes)}, in {made.uri}")
