"""Mistakes around a DualRun are found by `tandem plan` and `tandem run` alike, before anything is started."""

import sys
from typing import Any

import pytest
import yaml
from tandem_operator.local.state.run_folder import DualFolder

from tests.operator.plan.dual.runs import dual as planned

LANE = {"name": "cloud", "kind": "Cloud", "url": "http://127.0.0.1:9/v1", "model": "m"}
GOOD = '{"id": "a", "question": "What is it?"}\n'


def dual(desk: Any, questions: str | None, **lane: Any) -> str:
    """A run file over these lines; there is no such file where they are None. Fields of the lane that are None are left out."""
    desk.environ["TANDEM_PYTHON"] = sys.executable
    if questions is not None:
        (desk.path / "q.jsonl").write_text(questions)
    spec = {
        "questions": {"source": "q.jsonl"},
        "lanes": [{field: value for field, value in (LANE | lane).items() if value}],
        "routing": {"policy": "Cloud"},
    }
    told = {"apiVersion": "tandem.dev/v1alpha1", "kind": "DualRun", "metadata": {"name": "pair"}, "spec": spec}
    (desk.path / "pair.yaml").write_text(yaml.safe_dump(told))
    return "pair.yaml"


@pytest.mark.parametrize("command", ["plan", "run"])
@pytest.mark.parametrize(
    ("questions", "said"),
    [
        (None, "spec.questions.source: there is no file {folder}/q.jsonl: correct the path"),
        ("", "{folder}/q.jsonl: holds no question; write one JSON object on each line"),
        (f"{GOOD}not JSON\n", "{folder}/q.jsonl:2: no JSON at column 1 (Expecting value); write one JSON object on each line"),
        (f'{GOOD}{{"id": "b"}}\n', '{folder}/q.jsonl:2: field "question" is missing; write what is asked'),
        (GOOD * 2, '{folder}/q.jsonl:2: field "id": "a" is the name of line 1, too; give each question a name of its own'),
    ],
)
def test_a_question_set_that_cannot_be_used_starts_nothing(desk: Any, command: str, questions: str | None, said: str) -> None:
    """Exit 2 and one line with file, line, field and fix; not even a folder of the run is made."""
    ran = desk.tandem(command, dual(desk, questions))
    assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (2, "", 1), ran.stderr
    assert said.format(folder=desk.path) in ran.stderr
    assert not desk.state.exists()


@pytest.mark.parametrize("command", ["plan", "run"])
def test_keys_that_are_not_set_are_said_with_all_else(desk: Any, command: str) -> None:
    """A person gets the whole list at once."""
    ran = desk.tandem(command, dual(desk, "{}\n", apiKeyVariable="NO_SUCH_KEY"))
    assert (ran.returncode, ran.stderr.count("\n")) == (2, 2), ran.stderr
    assert "pair.yaml: spec.lanes[0].apiKeyVariable: NO_SUCH_KEY is not set: export it, or correct the name" in ran.stderr
    assert 'q.jsonl:1: field "id" is missing' in ran.stderr


@pytest.mark.parametrize("command", ["plan", "run"])
def test_a_server_that_is_not_installed_starts_nothing(desk: Any, command: str) -> None:
    """Nor does a model that is surely a file, and is not there: each would fall again and again."""
    (desk.path / "there.gguf").write_bytes(b"")
    desk.environ["PATH"] = str(desk.path)
    for model, said in (
        ("there.gguf", "spec.lanes[0].engine.server: there is no program llama-server on PATH: install it, or give the url of a server"),
        ("a/b", "spec.lanes[0].engine.server: there is no program llama-server on PATH: install it, or give the url of a server"),
        ("none.gguf", f"spec.lanes[0].engine.model: there is no file or folder {desk.path}/none.gguf: correct the path"),
        ("./no/such", f"spec.lanes[0].engine.model: there is no file or folder {desk.path}/no/such: correct the path"),
        ("/no", "spec.lanes[0].engine.model: there is no file or folder /no: correct the path"),
    ):
        ran = desk.tandem(command, dual(desk, GOOD, url=None, model=None, engine={"server": "LlamaCpp", "model": model}))
        assert (ran.returncode, ran.stderr.count("\n")) == (2, 1), ran.stderr
        assert f"pair.yaml: {said}" in ran.stderr
    assert not desk.state.exists()


def test_a_python_without_our_parts_is_said(desk: Any) -> None:
    """The variable that names it, and what it lacks."""
    file = dual(desk, GOOD)
    python = desk.path / "bare"
    python.write_text("#!/bin/sh\necho 'No module named tandem_reasoning' >&2\nexit 1\n")
    python.chmod(0o755)
    for named, why in ((python, "(No module named tandem_reasoning)"), (desk.path / "none", "(No such file or directory)")):
        desk.environ["TANDEM_PYTHON"] = str(named)
        ran = desk.tandem("plan", file)
        assert ran.returncode == 2
        assert f"TANDEM_PYTHON: {named} " in ran.stderr
        assert why in ran.stderr


def test_a_set_without_mistakes_is_planned(desk: Any) -> None:
    """The check stands in nobody's way."""
    ran = desk.tandem("plan", dual(desk, GOOD))
    assert (ran.returncode, "about 1 questions" in ran.stdout) == (0, True), ran.stderr


def left_behind(desk: Any) -> DualFolder:
    """A run that has books, and nobody who acts for it."""
    folder, run = DualFolder(desk.state / "runs" / "pair"), planned()
    folder.write_wanted(run)
    folder.write_status(run.status)
    folder.ledger.write_text("books")
    return folder


def test_a_part_is_named_by_what_it_is(desk: Any) -> None:
    """Workers of attempts are a TrainingRun's, and parts a pair's: who names one of the other kind is told so."""
    folder = left_behind(desk)
    log = folder.workers / "pair-worker-1-1" / "log"
    log.parent.mkdir(parents=True)
    log.write_text("hello\n")
    assert desk.tandem("logs", "pair", "--part", "worker-1").stdout == "hello\n"
    for words in (["--worker", "1"], ["--worker", "1", "--attempt", "2"]):
        ran = desk.tandem("logs", "pair", *words)
        assert (ran.returncode, ran.stdout) == (2, "")
        assert ran.stderr == "tandem: pair: is a DualRun: name one of its parts instead, such as --part worker-1\n"
    assert desk.tandem("run", desk.file("demo"), "--plain").returncode == 0
    ran = desk.tandem("logs", "demo", "--part", "worker-1")
    assert (ran.returncode, "is a TrainingRun, which has no part worker-1" in ran.stderr) == (2, True)


@pytest.mark.parametrize(("code", "exit_code"), [(2, 2), (1, 70), (137, 70)])
def test_a_report_program_that_comes_down_is_no_mistake_of_the_person(desk: Any, code: int, exit_code: int) -> None:
    """Books that cannot be read are told by 2; a defect by 70, in a line, and with its traceback for whoever wants to see it."""
    left_behind(desk)
    python = desk.path / "broken"
    python.write_text(f"#!/bin/sh\necho 'Traceback: in line 7' >&2\necho 'KeyError: a' >&2\nexit {code}\n")
    python.chmod(0o755)
    desk.environ["TANDEM_PYTHON"] = str(python)
    ran, shown = desk.tandem("report", "pair"), desk.tandem("--debug", "report", "pair")
    assert (ran.returncode, shown.returncode) == (exit_code, exit_code)
    assert (ran.stderr.count("\n"), "KeyError: a" in ran.stderr) == (1, True)
    assert ("in line 7" in shown.stderr) == (exit_code == 70)


@pytest.mark.parametrize("command", ["plan", "run"])
def test_a_name_belongs_to_a_run_of_one_kind(desk: Any, command: str) -> None:
    """Whose it is, and the way on: the same from both."""
    assert desk.tandem("run", desk.file("pair"), "--plain").returncode == 0
    ran = desk.tandem(command, dual(desk, GOOD))
    assert (ran.returncode, ran.stderr.count("\n")) == (2, 1), ran.stderr
    assert "pair.yaml: metadata.name: pair is a TrainingRun here: give this one another name with --name" in ran.stderr
