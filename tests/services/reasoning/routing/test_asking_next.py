"""What a run's ledger says should be asked of the cloud lane next."""

import json
from decimal import Decimal
from pathlib import Path

import pytest
from tandem_reasoning.ledger import Claim, Complete, Decision, Ledger, Load, Outcome
from tandem_reasoning.questions.line import Fields
from tandem_reasoning.questions.reading import questions
from tandem_reasoning.routing.curiosity.__main__ import main
from tandem_reasoning.routing.curiosity.candidates import Groups
from tandem_reasoning.routing.features import features
from tandem_reasoning.values import Question

SHARES = {"sum1": 0.5, "sum2": 0.75, "sum3": 1.0, "ode1": 0.25, "both": 0.5, "one": None}


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """Local votes, clear or not; a question that the cloud lane answered as well, and one that was asked by a single call."""
    path = tmp_path / "ledger.sqlite"
    books = Ledger(path, run="r", cap_nano=None)
    asked = [Question(id=name, text=f"what of {name}?", answer="so", kind="" if name == "one" else name[:3]) for name in SHARES]
    books.do(Load(questions=tuple(asked)), now=0)
    for lease in books.do(Claim(worker="w", count=len(SHARES), lease_s=60), now=0):
        name = lease.question.id
        lanes = {"local": {"answer": "so", "share": SHARES[name]}}
        detail = {"lanes": lanes, **({"agreed": True} if name == "both" else {})}
        made = Decision(policy="Local", choice="Vote:local")
        books.do(Complete(hold=lease.hold, outcome=Outcome(answer="so", lane="local", decision=made, detail=json.dumps(detail))), now=0)
    books.close()
    return path


@pytest.mark.parametrize(("usd", "names"), [("1", ["sum1", "ode1", "sum2"]), ("0.2", ["sum1", "ode1"]), ("0.05", [])])
def test_the_dollars_go_where_an_answer_teaches_most(
    ledger: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], usd: str, names: list[str]
) -> None:
    """Unclear votes of large groups first; what is clear, known already or never voted on is left out. It is a question set."""
    assert main([str(ledger), "--usd", usd, "--answer-usd", "0.1"]) == 0
    (tmp_path / "next.jsonl").write_text(capsys.readouterr().out)
    if names:
        found = list(questions(str(tmp_path / "next.jsonl"), {}, fields=Fields()))
        assert [each.id for each in found] == names
        assert {each.answer for each in found} == {"so"}
        assert Decimal(usd) >= len(found) * Decimal("0.1")


def test_what_an_answer_costs_has_to_be_known(ledger: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A run that paid nothing does not say it; what is no ledger is said, too."""
    assert main([str(ledger), "--usd", "1"]) == 2
    assert "--answer-usd" in capsys.readouterr().err
    (tmp_path / "none").write_text("this is no ledger, and long enough to be looked at as one would be")
    assert main([str(tmp_path / "none"), "--usd", "1"]) == 2


@pytest.mark.parametrize(
    ("usd", "says"), [("1", ""), ("0.2", "2 of 3 questions chosen: the dollars reach for 2 answers"), ("0.05", "0 of 3 questions chosen")]
)
def test_why_so_few_are_chosen(ledger: Path, capsys: pytest.CaptureFixture[str], usd: str, says: str) -> None:
    """In one line beside them, and nothing where all are."""
    assert main([str(ledger), "--usd", usd, "--answer-usd", "0.1"]) == 0
    told = capsys.readouterr().err
    assert says in told
    assert told.count("\n") == bool(says)


def test_what_cannot_be_chosen_from(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A ledger without such questions, one that is not there, and dollars that there are not."""
    Ledger(tmp_path / "ledger.sqlite", run="r", cap_nano=None).close()
    assert main([str(tmp_path / "ledger.sqlite"), "--usd", "1", "--answer-usd", "0.1"]) == 0
    assert "nothing to ask" in capsys.readouterr().err
    for ledger, usd, says in (("nosuch", "1", "there is no such file"), ("ledger.sqlite", "-1", "--usd is 0 or more")):
        assert main([str(tmp_path / ledger), "--usd", usd, "--answer-usd", "0.1"]) == 2
        assert says in capsys.readouterr().err


def test_questions_without_a_class_are_grouped_by_their_words() -> None:
    """Those of one make are together, others apart."""
    groups = Groups()
    names = [groups.of(features(text)) for text in ("please add 3 and 4", "who wrote the Republic?", "please add 17 and 5")]
    assert names[0] == names[2] != names[1]
