"""What a person is told when a DualRun has ended or rests: how it went, what each lane did, the report, and what to type next."""

from tandem_operator.api.dual_run import DualRun
from tandem_operator.api.status import RunPhase
from tandem_operator.cli.show import reader
from tandem_operator.cli.show.ending import suggest
from tandem_operator.cli.show.onward import Command, RunFile, resume
from tandem_operator.local.dual import report
from tandem_operator.local.state.run_folder import DualFolder
from tandem_operator.plan.dual.estimate import most_call_usd
from tandem_operator.plan.dual.phases import Reason

from . import said
from .planned import estimated


def tell(folder: DualFolder, file: RunFile | None) -> None:
    """Print it. `file` is what was run, if that is known."""
    run = folder.run()
    try:
        print(said.how(run), flush=True)
        _report(run, folder)
        suggest(_onward(run, file))
    except OSError:
        reader.gone()


def remind(folder: DualFolder, file: RunFile | None, *, changed: bool) -> None:
    """Print that a run has ended already and nothing was started, also if its file has changed since."""
    run = folder.run()
    print(f"{said.how(run)}; it has ended already, so nothing was started")
    if changed:
        print(f"{run.name}: the file differs from what was run: --fresh begins anew, --name NAME runs it beside this one")
    suggest(_onward(run, file))


def _report(run: DualRun, folder: DualFolder) -> None:
    """What the pair did: by lane, then in the report's own sentences."""
    for line in said.by_lane(run):
        print(line)
    if said.troubled(found := run.status.memory):
        print(f"  memory {said.memory(found)}")
    if not run.status.done:
        return
    try:
        made = report.current(folder)
    except report.ReportError as error:
        print(f"no report: {error}", flush=True)
        return
    for sentence in made.verdict:
        print(sentence)
    print(f"report: {made.page}", flush=True)


def _onward(run: DualRun, file: RunFile | None) -> list[Command]:
    name = run.name
    everything = (f"tandem status {name} -o yaml", "everything that is known of it")
    cost = (f"tandem cost {name}", "what it cost, by lane, and for a question")
    match run.status.phase:
        case RunPhase.SUCCEEDED:
            again = (f"{file.command()} --fresh", "from the beginning; this one is put aside") if file else everything
            return [(f"tandem report {name}", "the report anew, anywhere with --save"), cost, again]
        case RunPhase.FAILED if run.status.reason != Reason.BUDGET_EXHAUSTED:
            again = file.command() if file else f"tandem resume {name}"
            return [(f"tandem logs {name}", "what its parts printed"), (again, "try again, once the cause is mended"), everything]
        case _:
            return [*resume(run, "go on where it was stopped", most_call_usd(estimated(run))), cost, everything]
