"""How things look: amounts, the panel at any width, plain lines that do not flood a log."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.panel import Panel
from tandem_operator.api.reading.run_file import from_object
from tandem_operator.api.status import CheckpointStatus, Condition, RunPhase, RunStatus
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.cli.show import overview, words
from tandem_operator.cli.show.live import panel
from tandem_operator.cli.show.plain import PlainScreen, progress
from tandem_operator.local.state.run_folder import RunFolder

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


def of_spec(**spec: object) -> TrainingRun:
    whole = {"trainer": {"deepspeed": {}}, "phases": [{"name": "pretrain", "steps": 400}], **spec}
    made = from_object({"apiVersion": "tandem.dev/v1alpha1", "kind": "TrainingRun", "metadata": {"name": "demo"}, "spec": whole})
    assert isinstance(made, TrainingRun)
    return made


def run(**status: object) -> TrainingRun:
    made = of_spec(budget={"usd": 5, "usdPerWorkerHour": 1})
    said = {"phase": RunPhase.RUNNING, "attempt": 2, "total_steps": 400, "training_phase": "pretrain", **status}
    return made.model_copy(update={"status": RunStatus.model_validate(said)})


@pytest.mark.parametrize(
    ("seconds", "said"), [(None, "-"), (0.4, "0s"), (59.4, "59s"), (61, "1m01s"), (3600, "1h00m"), (90_000, "1d01h"), (-3, "0s")]
)
def test_a_length_of_time_has_its_two_largest_units(seconds: float | None, said: str) -> None:
    """No length is longer than seven letters, so tables stay narrow."""
    assert words.length(seconds) == said


@given(st.integers(0, 10**15))
def test_a_size_has_three_digits_and_a_unit(count: int) -> None:
    """Whatever its magnitude."""
    value, unit = words.size(count).split()
    assert unit in {"B", "kB", "MB", "GB", "TB"}
    assert float(value) == pytest.approx(count / 1000 ** ["B", "kB", "MB", "GB", "TB"].index(unit), rel=0.005)


def test_what_is_not_counted_is_said_beside_what_was_spent() -> None:
    """A budget that no price makes hold looks like one that is not touched."""
    unpriced = Condition(type="BudgetOK", status="Unknown", reason="NoPrice", message="add a price", last_transition_time=NOW)
    assert words.spend(run(spent_usd=Decimal(1))) == "$1.00 of $5.00"
    assert words.spend(run(conditions=(unpriced,))) == "$0.00 of $5.00 (no price)"


@given(st.integers(40, 200), st.integers(0, 400), st.sampled_from(list(RunPhase)))
def test_the_panel_fits_the_terminal_and_says_phase_and_progress(width: int, step: int, phase: RunPhase) -> None:
    """No line is wider than the terminal, at any width from 40 columns up."""
    kept = CheckpointStatus(step=step, uri="file:///x", at=NOW - timedelta(seconds=9))
    shown = StringIO()
    drawn = panel(run(step=step, phase=phase, checkpoint=kept, loss=2.5, spent_usd=Decimal("0.5")), NOW, width)
    Console(file=shown, width=width, legacy_windows=False).print(drawn)
    lines = shown.getvalue().splitlines()
    assert max(len(line) for line in lines) <= width
    assert phase.value in shown.getvalue()
    assert f"{step}/400" in shown.getvalue()


def test_plain_lines_come_every_few_seconds_and_always_for_the_last_step() -> None:
    """A step a second for a minute: a dozen lines, and step 400 at once."""
    lines: list[str] = []
    screen = PlainScreen(progress, write=lines.append)
    for second in range(60):
        screen.show(run(step=second + 1), NOW + timedelta(seconds=second))
    assert len(lines) == 12
    screen.show(run(step=400), NOW + timedelta(seconds=60))
    screen.show(run(step=400), NOW + timedelta(seconds=90))
    assert [line for line in lines if "step 400/400" in line] == [lines[-1]]


def test_a_plain_line_says_only_what_is_known() -> None:
    """No dashes for what was not measured yet."""
    lines: list[str] = []
    PlainScreen(progress, write=lines.append).show(run(step=1), NOW)
    assert lines[0].endswith("step 1/400  pretrain  $0.00 of $5.00")


def test_the_foot_of_the_panel_says_what_ctrl_c_does_and_nothing_once_the_run_rests() -> None:
    """Whoever watches leaves; whoever acts stops the run; at rest there is nothing to interrupt."""
    assert "Ctrl-C: leave, the run goes on" in drawn(panel(run(), NOW, 100, "leave, the run goes on"))
    assert "Ctrl-C" not in drawn(panel(run(), NOW, 100))
    assert "Ctrl-C" not in drawn(panel(run(phase=RunPhase.SUSPENDED), NOW, 100, "leave, the run goes on"))


def drawn(shown: Panel) -> str:
    """A panel as text."""
    page = StringIO()
    Console(file=page, width=100, legacy_windows=False).print(shown)
    return page.getvalue()


@pytest.mark.parametrize(
    ("spec", "said", "unsaid"),
    [
        ({"checkpoint": {}}, "checkpoints every 60 s and at the end of each phase", "warning"),
        ({"checkpoint": {"everySteps": 5}}, "checkpoints every 5 steps in", "60 s"),
        ({"budget": {"usd": 5}}, "warning: what a worker costs on this machine is not known", "an hour;"),
        ({"budget": {"usd": 5, "usdPerWorkerHour": 0}}, "$0.00 an hour; $5.00 left", "warning"),
        ({"trainer": {"experts": {}}}, "32 experts lie in host memory: 25.2 MB, two checkpoints under way included", "on their way"),
        (
            {"trainer": {"experts": {"memory": {"disk": "1Gi"}}}},
            "32 experts lie on a disk: 25.2 MB, two checkpoints under way included; 3.15 MB of host memory for those on their way",
            "warning",
        ),
        ({"trainer": {"script": {"path": "train.py"}}}, "400 steps (pretrain 400), trainer script", "tokens"),
    ],
)
def test_what_is_about_to_be_done_is_said_as_it_will_be(tmp_path: Path, spec: dict[str, object], said: str, unsaid: str) -> None:
    """The trainers' own rhythm, a price that nobody says and one of nothing, and no tokens where nobody counts them."""
    text = "\n".join(overview.lines(of_spec(**spec), RunFolder(tmp_path / "demo"), bfloat16=True))
    assert (said in text, unsaid in text) == (True, False), text


@pytest.mark.parametrize(
    ("spec", "warnings"),
    [
        ({}, 1),
        ({"trainer": {"deepspeed": {"precision": "fp32"}}}, 0),
        ({"accelerator": "nvidia", "gpusPerWorker": 1}, 0),
        ({"trainer": {"experts": {}}}, 0),
    ],
)
def test_who_is_to_train_in_what_the_processor_lacks_is_told(tmp_path: Path, spec: dict[str, object], warnings: int) -> None:
    """Before a run that takes tens of times as long as it need; a card has them."""
    said = overview.lines(of_spec(**spec), RunFolder(tmp_path / "demo"), bfloat16=False)
    assert sum("precision bf16" in line and line.endswith("say fp32") for line in said) == warnings


def test_a_long_text_is_wrapped_below_itself_and_an_address_stays_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """At 60 columns: no line is wider, but for an address that is."""
    monkeypatch.setenv("COLUMNS", "60")
    address = "s3://" + "x" * 80
    lines = words.wrapped(f"phase       {'why ' * 40}{address}", 12).splitlines()
    assert lines[-1] == f"{' ' * 12}{address}"
    assert all(len(line) <= 60 for line in lines[:-1])
    assert all(line.startswith(" " * 12) for line in lines[1:])
