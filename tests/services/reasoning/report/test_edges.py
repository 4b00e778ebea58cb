"""Reports of ledgers that hold little, or what somebody meant to do harm with."""

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from tandem_reasoning.ledger import Charge, Complete, Decision, Fail, Ledger, Load, Outcome
from tandem_reasoning.report import pictures
from tandem_reasoning.report.__main__ import main
from tandem_reasoning.report.writing import ANSWERS, DOCUMENT, PAGE, write
from tandem_reasoning.values import Call, CallPlace, Question, Usage

from tests.services.reasoning.ledger.asking import claim, reserve, settle
from tests.services.reasoning.report.recorded import NOW, record

HOSTILE = "</td><script>alert('x')</script><img src=//evil.example/x>"


class Elements(HTMLParser):
    """What a browser makes of a page: its elements, and what they point at."""

    def __init__(self) -> None:
        super().__init__()
        self.tags, self.addresses = set[str](), list[str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.addresses += [value or "" for name, value in attrs if name in {"src", "href", "xlink:href", "action"}]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = Ledger(tmp_path / "ledger.sqlite", run="r", cap_nano=10**9, max_attempts=1)
    yield made
    made.close()


def asked(ledger: Ledger, *questions: Question) -> None:
    ledger.do(Load(questions=questions), now=0)


def answered(
    ledger: Ledger,
    text: str,
    *,
    choice: str = "Single:cloud below=1 Cloud=1",
    detail: str = "{}",
    memory: int = 0,
    expert: str = "alone",
) -> None:
    """The next question, by one call."""
    (lease,) = claim(ledger)
    item = lease.hold.item
    place = CallPlace(item=item, step=1, expert=expert)
    usage = Usage(input_tokens=3, output_tokens=2)
    call = Call(key=item, place=place, lane="cloud", answer=text, usage=usage, cost_nano=50, seconds=0.5, memory_version=memory)
    settle(ledger, reserve(ledger, lease.hold, item, 100), call)
    outcome = Outcome(answer=text, lane="cloud", decision=Decision(policy="Cloud", choice=choice), detail=detail)
    ledger.do(Complete(hold=lease.hold, outcome=outcome), now=float(lease.hold.item.strip("q") or 0))


def report(tmp_path: Path) -> dict[str, Any]:
    write(tmp_path / "ledger.sqlite", tmp_path / "report", job=None, now=NOW)
    return json.loads((tmp_path / "report" / DOCUMENT).read_text())


def test_nothing_was_answered(ledger: Ledger, tmp_path: Path) -> None:
    """The report of a run that has just begun says that nothing is known, and no figure is made up."""
    asked(ledger, Question(id="q1", text="?"))
    told = report(tmp_path)
    assert told["questions"] == {"total": 1, "ready": 1}
    assert (told["together"]["accuracy"]["value"], told["together"]["questionUsd"], told["qualityCost"], told["kinds"]) == (
        None,
        None,
        None,
        [],
    )
    assert all(score["value"] is None for score in told["scores"].values())
    assert not re.search(r"\b(nan|None)\b", (tmp_path / "report" / PAGE).read_text())


def test_that_nothing_was_answered_is_not_that_nothing_can_be(ledger: Ledger, tmp_path: Path) -> None:
    """Questions that have a right answer are not said to have none because nobody has answered them yet."""
    asked(ledger, *(Question(id=f"q{number}", text="?", answer="yes" if number < 3 else None) for number in range(6)))
    assert report(tmp_path)["verdict"][0] == "0 of 6 questions are answered; 6 are left."


def test_a_picture_that_cannot_be_drawn(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What went wrong stands in its place, and all else of the report is there."""

    def fail(*_: object) -> None:
        msg = "no <ink>"
        raise ValueError(msg)

    monkeypatch.setattr(pictures, "_kinds", fail)
    asked(ledger, *(Question(id=f"q{number}", text="?", answer="yes", kind="k") for number in range(2)))
    for _ in range(2):
        answered(ledger, "yes")
    assert report(tmp_path)["kinds"]
    page = (tmp_path / "report" / PAGE).read_text()
    assert "could not be drawn: ValueError: no &lt;ink&gt;" in page
    assert "spent on answers" in page


def test_votes_that_were_never_right_are_drawn(ledger: Ledger, tmp_path: Path) -> None:
    """None of eleven: the interval begins at nothing, and not by a rounding above it, which no picture could be drawn of."""
    asked(ledger, *(Question(id=f"q{number}", text="?", answer="yes") for number in range(11)))
    for _ in range(11):
        answered(ledger, "no", expert="reasoning")
    told = report(tmp_path)
    assert [(each["accuracy"]["value"], each["accuracy"]["interval"][0]) for each in told["agreement"]] == [(0, 0)]
    assert "could not be drawn" not in (tmp_path / "report" / PAGE).read_text()


def test_a_set_so_small_that_all_of_it_was_learned_from(tmp_path: Path) -> None:
    """It is said that none was routed, so that nobody takes the cost of learning for that of the pair."""
    told = report(record(tmp_path, 12).parent)  # what a warm-up of twenty-four has not come to the end of
    assert any("All 12 were asked of both lanes, to learn who is to be asked" in sentence for sentence in told["verdict"])


def test_who_stood_in_for_whom_is_said(ledger: Ledger, tmp_path: Path) -> None:
    """A policy that asks one side alone has the other's answers where that cannot be asked, and a budget may be passed by a server."""
    both, instead = "Cascade:local,cloud below=1 Vote=1 Cloud=0.05", "Single:cloud:instead below=1 Cloud=1"
    asked(ledger, *(Question(id=f"q{number}", text="why?", kind="k") for number in range(4)))
    for choice in (both, instead, instead, "Single:cloud below=1 Cloud=1"):
        answered(ledger, "because", choice=choice)
    told = report(tmp_path)
    assert (told["instead"], told["spared"]) == ({"Cloud": 2}, 0)
    assert "2 questions were answered by the cloud lane alone, since no local lane could be asked." in told["verdict"]
    assert not any("more than was allowed" in sentence for sentence in told["verdict"])
    ledger.do(Charge(lane="cloud", nano=10**9, why="hours"), now=9)
    assert any(sentence.startswith("That is more than was allowed") for sentence in report(tmp_path)["verdict"])


def test_no_right_answers_are_known(ledger: Ledger, tmp_path: Path) -> None:
    """Without labels nothing is called right, and where one lane alone answered nothing is said of the other."""
    asked(ledger, *(Question(id=f"q{number}", text="why?", kind="k") for number in range(12)))
    for number in range(12):
        answered(ledger, f"because {number}")
    told = report(tmp_path)
    assert told["together"]["accuracy"] == {"value": None, "interval": None, "right": 0, "of": 0}
    assert told["qualityCost"] is None
    assert told["scores"]["accuracy"]["value"] is None
    assert (tmp_path / "report" / ANSWERS).read_text().count(",,,1,5,0.00000005") == 12
    assert "none has a known right answer" in told["verdict"][0]


def test_what_others_wrote_is_escaped(ledger: Ledger, tmp_path: Path) -> None:
    """Neither a model's text nor a question set's can put anything into the page, which may load and run nothing anyway."""
    asked(ledger, *(Question(id=f"q{number}{HOSTILE}", text=HOSTILE, kind=f"$x${HOSTILE}", answer=HOSTILE) for number in range(3)))
    for _ in range(2):
        (lease,) = claim(ledger)
        ledger.do(Fail(hold=lease.hold, reason=HOSTILE), now=1)
    (lease,) = claim(ledger)
    decision = Decision(policy="Cloud", choice=f"Single:cloud below=1 Cloud=1 {HOSTILE}")
    ledger.do(Complete(hold=lease.hold, outcome=Outcome(answer=HOSTILE, lane=f"cloud{HOSTILE}", decision=decision)), now=2)
    report(tmp_path)
    page = (tmp_path / "report" / PAGE).read_text()
    assert "&lt;script&gt;" in page
    elements = Elements()
    elements.feed(page)
    assert elements.tags & {"script", "img", "iframe", "link", "object"} == set()
    assert all(address.startswith("#") for address in elements.addresses)
    assert "default-src 'none'" in page


def test_a_cell_is_no_formula(ledger: Ledger, tmp_path: Path) -> None:
    """A spreadsheet carries out no answer of a model; a number below zero stays one."""
    asked(ledger, *(Question(id=f"q{number}", text="?") for number in range(2)))
    answered(ledger, '=HYPERLINK("//evil.example")')
    answered(ledger, "-5")
    report(tmp_path)
    _, formula, number = (tmp_path / "report" / ANSWERS).read_text().splitlines()
    assert """"'=HYPERLINK""" in formula
    assert ",-5," in number


def test_what_memory_is_worth(ledger: Ledger, tmp_path: Path) -> None:
    """The lift of memory is that of questions it had something for, shown or held out; others are no part of it."""
    detail = {True: '{"recalled": {"shown": true, "holdOut": 0.5, "records": [{"id": "r"}]}}', False: ""}
    detail[False] = detail[True].replace("true", "false")
    asked(ledger, *(Question(id=f"q{number}", text="?", answer="yes") for number in range(60)))
    for number in range(59):
        shown = number % 2 == 0
        answered(ledger, "yes" if shown else "no", detail=detail[shown] if number < 40 else '{"recalled": {"shown": false, "records": []}}')
    answered(ledger, "yes", detail='{"recalled": {"shown": false, "records": [], "away": true}}')
    told = report(tmp_path)
    lift = told["scores"]["crossLaneLift"]
    assert (lift["value"], lift["items"], told["learned"]["recalled"], told["learned"]["notRecalled"]) == (1, 40, 20, 40)
    assert lift["interval"][0] > 0.5
    assert any("shared memory's lift in accuracy is 1.000" in sentence for sentence in told["verdict"])
    assert "The memory could not be asked for 1 of the answers: they went on without it." in told["verdict"]


def test_of_what_is_no_ledger(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is not there or is none is said in one line, and the old report stays."""
    (tmp_path / "note").write_text("no ledger" * 100)
    for name in ("missing", "note"):
        assert main([str(tmp_path / name), "--into", str(tmp_path / "report")]) == 2
        assert capsys.readouterr().err.count("\n") == 1


def test_of_a_run_that_goes_on(ledger: Ledger, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A report can be had while the coordinator has the ledger open, and again once there is more."""
    asked(ledger, *(Question(id=f"q{number}", text="?", answer="yes") for number in range(3)))
    folder = str(tmp_path / "report")
    answered(ledger, "yes")
    assert main([str(tmp_path / "ledger.sqlite"), "--into", folder]) == 0
    assert capsys.readouterr().out.startswith(
        "1 of 3 questions are answered, 100.0 % (21 to 100) of the 1 with a known answer rightly; 2 are left."
    )
    answered(ledger, "no")
    assert main([str(tmp_path / "ledger.sqlite"), "--into", folder]) == 0
    assert capsys.readouterr().out.startswith("2 of 3 questions are answered, 50.0 %")
    assert sorted(path.name for path in (tmp_path / "report").iterdir()) == [ANSWERS, PAGE, DOCUMENT]


def test_whether_a_run_became_better(ledger: Ledger, tmp_path: Path) -> None:
    """Early and late answers are compared within each class, so that a set that begins with the easy class shows no decline."""
    asked(ledger, *(Question(id=f"q{number}", text="?", answer="yes", kind="easy" if number < 20 else "hard") for number in range(40)))
    for number in range(40):
        answered(ledger, "yes" if number < 20 or number % 2 else "no")
    told = report(tmp_path)["learned"]
    assert [(told[half]["right"], told[half]["of"]) for half in ("firstHalf", "secondHalf")] == [(15, 20), (15, 20)]
