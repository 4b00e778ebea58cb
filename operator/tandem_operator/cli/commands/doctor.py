"""`tandem doctor`: can this machine train?"""

import typer

from tandem_operator.cli.show.format import Format

from .options import Output


def doctor(*, output: Output = Format.TABLE) -> None:
    """Check what training here needs, and say how to mend what is missing. Exit code 1 if something necessary is."""
    from tandem_operator.cli.show.output import dump
    from tandem_operator.local import machine_check

    checks = machine_check.checks()
    if output is not Format.TABLE:
        dump([check.told() for check in checks], output)
    else:
        for check in checks:
            print(f"{check.verdict.value:<8} {check.thing:<12} {check.found}{f'; {check.fix}' if check.fix else ''}")
    raise typer.Exit(int(any(check.verdict is machine_check.Verdict.MISSING for check in checks)))
