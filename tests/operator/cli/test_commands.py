"""The commands that look and do not touch, and how mistakes are said."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from tandem_operator.api.reading.run_file import from_object
from tandem_operator.api.training_run import TrainingRun

HEAVY = ("torch", "deepspeed", "kopf", "kubernetes", "grpc", "matplotlib", "plotext", "numpy")


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["plan", "FILE"], ["status"]])
def test_looking_imports_nothing_heavy(desk: Any, words: list[str]) -> None:
    """`tandem --help` and `tandem plan` answer at once, on machines without any of these."""
    words = [str(desk.file()) if word == "FILE" else word for word in words]
    script = f"""
import sys
from tandem_operator.cli import main
sys.argv = ["tandem", *{words!r}]
try:
    main.main()
except SystemExit:
    pass
print("IMPORTED", [name for name in {HEAVY!r} if name in sys.modules])
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=desk.environ, check=True)
    assert ran.stdout.endswith("IMPORTED []\n"), ran.stdout[-200:]


def test_help_says_what_every_exit_code_means(desk: Any) -> None:
    """Scripts rest on them."""
    said = " ".join(desk.tandem("--help").stdout.split())
    assert all(meaning in said for meaning in ("0 done", "1 the run failed", "3 the run was stopped", "4 no such run", "130 you left"))


def test_plan_says_what_would_be_started_and_starts_nothing(desk: Any) -> None:
    """Command line and environment of every worker, tokens, dollars; not even a folder is made."""
    file = desk.file(workers=2, budget={"usd": 1, "usdPerWorkerHour": 0.5})
    said = desk.tandem("plan", file).stdout
    assert "100 steps (warmup 20, pretrain 80), 409,600 tokens" in said
    assert "$1.00 an hour; $1.00 left, enough for 1h00m" in said
    assert "demo-1-1" in said
    assert "-m tandem_trainer.agent" in said
    planned = json.loads(desk.tandem("plan", file, "-o", "json").stdout)
    assert (planned["budgetLastsSeconds"], len(planned["processes"])) == (3600, 2)
    assert not desk.state.exists()


def test_every_mistake_in_a_file_is_said_at_once_each_on_its_line(desk: Any) -> None:
    """Exit 2; no traceback."""
    ran = desk.tandem("run", desk.file(workers=0, deadline="90", phases=[{"name": "p", "steps": 1, "learning_rate": 1}]))
    assert ran.returncode == 2
    assert "Traceback" not in ran.stderr
    assert all(field in ran.stderr for field in ("spec.workers", "spec.deadline", "learning_rate"))
    assert ran.stderr.count("\n") == 3


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["run", "none.yaml"], 2, "none.yaml: No such file or directory"),
        (["status", "none"], 4, "none: no such run"),
        (["stop", "none"], 4, "none: no such run"),
        (["logs", "none"], 4, "start one with `tandem run FILE`"),
        (["resume", "none", "--budget-usd", "much"], 2, "--budget-usd: much is no amount"),
        (["resume", "none", "--budget-usd", "1e300"], 2, "--budget-usd: 1e300 is too large: write 1000000000 or less"),
        (["run", "x", "--colour"], 2, "No such option"),
    ],
)
def test_a_mistake_has_an_exit_code_and_a_line(desk: Any, words: list[str], code: int, said: str) -> None:
    """What was given, and what to give instead."""
    ran = desk.tandem(*words)
    assert (ran.returncode, said in ran.stderr) == (code, True), ran.stderr


def test_a_wrong_dual_run_is_told_what_is_wrong(desk: Any) -> None:
    """As a TrainingRun would be: lines that name the field, and no traceback."""
    path = desk.path / "dual.yaml"
    path.write_text("apiVersion: tandem.dev/v1alpha1\nkind: DualRun\nmetadata: {name: d}\nspec: {}\n")
    ran = desk.tandem("run", path)
    assert ran.returncode == 2
    assert "spec.questions" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_an_error_nobody_foresaw_is_one_line_and_a_traceback_only_on_request(desk: Any) -> None:
    """Exit 70 and the way to more."""
    script = "from tandem_operator.cli import main, runs; runs.folder = lambda name: 1 / 0; import sys; sys.argv = {!r}; main.main()"
    for words, shown in ((["tandem", "cost", "x"], False), (["tandem", "--debug", "cost", "x"], True)):
        ran = subprocess.run([sys.executable, "-c", script.format(words)], capture_output=True, text=True, env=desk.environ, check=False)
        assert (ran.returncode, "Traceback" in ran.stderr) == (70, shown)
        assert "unexpected ZeroDivisionError: division by zero (`tandem --debug" in ran.stderr


@pytest.mark.parametrize("words", [["run"], ["status"], ["status", "demo"], ["cost", "demo"]])
def test_a_state_folder_that_cannot_be_made_is_one_line(desk: Any, words: list[str]) -> None:
    """Exit 74: which folder, why, and what to set; also for whoever only looks."""
    desk.environ["TANDEM_STATE"] = "/proc/tandem/state"
    ran = desk.tandem(*words, *([desk.file()] if words == ["run"] else []))
    said = (
        "tandem: /proc/tandem/state: is not there and cannot be made (No such file or directory): set TANDEM_STATE to a folder that can\n"
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (74, "", said)


def test_a_state_folder_that_is_yet_to_be_made_has_no_runs(desk: Any) -> None:
    """A look makes none, and leaves nothing beside it."""
    desk.environ["TANDEM_STATE"] = str(desk.state / "a/b")
    ran = desk.tandem("status")
    assert (ran.returncode, ran.stdout) == (0, "no runs yet: start one with `tandem run FILE`\n"), ran.stderr
    assert not (desk.state / "a").exists()


def test_a_damaged_status_stops_every_command_that_needs_it(desk: Any) -> None:
    """Exit 2 and the way on; nothing is begun anew."""
    file = desk.file()
    desk.tandem("run", file)
    (desk.state / "runs/demo/status.json").write_text("")
    for words in (["run", file], ["status", "demo"], ["cost", "demo"]):
        ran = desk.tandem(*words)
        assert (ran.returncode, "status.previous.json" in ran.stderr) == (2, True), ran.stderr
    assert desk.starts() == ["demo-1-0"]


@pytest.mark.parametrize(("form", "load"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_what_is_printed_for_programs_reads_back_as_the_type_it_is(desk: Any, form: str, load: Any) -> None:
    """A run is a TrainingRun with status; several are a List of them."""
    desk.tandem("run", desk.file())
    told = load(desk.tandem("status", "demo", "-o", form).stdout)
    run = from_object(told)
    assert isinstance(run, TrainingRun)
    assert (run.status.phase, run.status.step) == ("Succeeded", 100)
    listed = load(desk.tandem("status", "-o", form).stdout)
    assert (listed["kind"], listed["items"]) == ("List", [told])


def test_logs_are_those_of_the_attempt_and_worker_asked_for(desk: Any) -> None:
    """The last attempt by default; an attempt that never was is said with those there are."""
    desk.tandem("run", desk.file())
    log = desk.state / "runs/demo/workers/demo-1-0/log"
    log.write_text("loss is falling\n")
    assert desk.tandem("logs", "demo").stdout == "loss is falling\n"
    assert desk.tandem("logs", "demo", "--follow").stdout == "loss is falling\n"
    absent = desk.tandem("logs", "demo", "--attempt", "7")
    assert (absent.returncode, "there are demo-1-0" in absent.stderr) == (2, True)
    assert desk.tandem("logs", "demo", "--attempt", "0").returncode == 2


def test_a_worker_that_has_said_nothing_is_said_in_a_line(desk: Any) -> None:
    """Beside the log, and with the way to the worker that speaks for all."""
    desk.tandem("run", desk.file(workers=2, trainer={"deepspeed": {"microBatchSize": 1}}))
    silent = desk.tandem("logs", "demo", "--worker", "1")
    assert (silent.returncode, silent.stdout) == (0, "")
    assert silent.stderr == "demo: worker 1 of attempt 1 has said nothing; worker 0 speaks for all: `tandem logs demo --attempt 1`\n"


def test_a_state_folder_that_is_a_file_is_not_taken_for_an_empty_one(desk: Any) -> None:
    """Exit 74: which file, and what to set."""
    desk.environ["TANDEM_STATE"] = str(desk.file())
    ran = desk.tandem("status")
    assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (74, "", 1), ran.stderr


def test_a_budget_without_a_price_is_said_to_hold_over_nothing(desk: Any) -> None:
    """While it runs, and ever after: what was not counted then is not counted now."""
    ran = desk.tandem("run", desk.file(budget={"usd": 9}))
    assert (ran.returncode, "warning: NoPrice: what a worker costs on this machine is not known" in ran.stdout) == (0, True), ran.stdout
    said = " ".join(desk.tandem("status", "demo").stdout.split())
    assert "spent $0.00 of $9.00 (no price) budget what a worker costs on this machine is not known, so it counts as free" in said


def test_cost_is_counted_by_attempt_by_step_and_by_token_and_to_the_end(desk: Any) -> None:
    """409,600 tokens in 100 steps: the figures agree with each other."""
    desk.tandem("run", desk.file(budget={"usd": 9, "usdPerWorkerHour": 36}))
    bill = json.loads(desk.tandem("cost", "demo", "-o", "json").stdout)
    assert bill["tokens"] == 409_600
    assert bill["usdPerThousandSteps"] == pytest.approx(bill["spentUsd"] * 10)
    assert bill["usdPerMillionTokens"] == pytest.approx(bill["spentUsd"] / 0.4096)
    assert bill["projectedUsd"] == pytest.approx(bill["spentUsd"])
    assert bill["budgetLeftUsd"] == pytest.approx(9 - bill["spentUsd"])
    assert [row["exitCode"] for row in bill["attempts"]] == [0]
    assert "for 1M tokens" in desk.tandem("cost", "demo").stdout


def test_checkpoints_are_listed_from_their_manifests_newest_claim_first(desk: Any) -> None:
    """A later claim is newer whatever its step; the best is marked; a manifest that cannot be read is said, not hidden."""
    desk.tandem("run", desk.file())
    folder = desk.state / "runs/demo/checkpoints/manifests"
    folder.mkdir(parents=True)
    for claim, step, loss in ((1, 10, 2.0), (1, 30, 1.0), (2, 20, 1.5)):
        _manifest(folder, claim, step, loss)
    (folder / "000002-000000000025.json").write_text("{")
    found = json.loads(desk.tandem("checkpoints", "demo", "-o", "json").stdout)
    assert [one["step"] for one in found] == [25, 20, 30, 10]
    assert [one["best"] for one in found] == [False, False, True, False]
    assert "cannot be read" in found[0]["problem"]
    assert found[1]["bytes"] == 3000
    assert "3 kB" in desk.tandem("checkpoints", "demo").stdout


def _manifest(folder: Path, claim: int, step: int, loss: float) -> None:
    chunks = {"chunks/a": {"bytes": 1000, "blocks": []}, "chunks/b": {"bytes": 2000, "blocks": []}}
    told = {"step": step, "attempt": claim, "at": "2026-11-01T00:00:00Z", "loss": loss, "worldSize": 2, "chunks": chunks}
    (folder / f"{claim:06}-{step:012}.json").write_text(json.dumps(told))


def test_crds_are_printed_or_written(desk: Any) -> None:
    """Both kinds, as files whose names say what they are."""
    assert {crd["kind"] for crd in yaml.safe_load_all(desk.tandem("crds").stdout)} == {"CustomResourceDefinition"}
    desk.tandem("crds", "--out", desk.path / "crds")
    assert sorted(path.suffix for path in (desk.path / "crds").iterdir()) == [".yaml", ".yaml"]


def test_completion_is_offered_for_the_shells_people_use(desk: Any) -> None:
    """The script names the command."""
    ran = desk.tandem("--show-completion", "bash")
    assert "tandem" in ran.stdout, ran.stderr


def test_the_version_is_that_of_the_package(desk: Any) -> None:
    """One word and a number."""
    assert desk.tandem("--version").stdout.startswith("tandem 0.")


def test_a_reader_that_leaves_does_not_end_the_run(desk: Any) -> None:
    """`tandem run FILE | head -1`: the run goes on to its end in silence."""
    command = f"{Path(sys.executable).with_name('tandem')} run {desk.file()} | head -1; exit ${{PIPESTATUS[0]}}"
    ran = subprocess.run(["bash", "-c", command], capture_output=True, text=True, env=desk.environ, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "Traceback" not in ran.stderr
    assert json.loads(desk.tandem("status", "demo", "-o", "json").stdout)["status"]["phase"] == "Succeeded"


@pytest.mark.slow
def test_doctor_names_what_is_missing_and_how_to_mend_it(desk: Any) -> None:
    """An S3 endpoint where nobody is: exit 1, the address, the fix."""
    desk.environ |= {"TANDEM_S3_ENDPOINT": "http://127.0.0.1:9"}
    del desk.environ["TANDEM_PYTHON"]
    ran = desk.tandem("doctor", "-o", "json")
    checks = {check["thing"]: check for check in json.loads(ran.stdout)}
    assert ran.returncode == 1
    assert checks["s3"]["verdict"] == "missing"
    assert "TANDEM_S3_ENDPOINT" in checks["s3"]["fix"]
    assert {"python", "cores", "memory", "staging", "state", "torch", "deepspeed", "card"} <= set(checks)
