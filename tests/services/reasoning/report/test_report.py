"""The report of a run that a coordinator and workers recorded."""

import csv
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tandem_reasoning.coordinator.job import Job
from tandem_reasoning.ledger import Review
from tandem_reasoning.report import sides
from tandem_reasoning.report.writing import ANSWERS, DOCUMENT, PAGE, write
from tandem_reasoning.values import LaneKind

from .recorded import KINDS, NOW, record

COUNT = 120


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a run and of its report."""
    return reported(tmp_path_factory.mktemp("run"), COUNT, explore=0.3)


def reported(folder: Path, count: int, *, explore: float) -> Path:
    """The folder, with a run in it and its report."""
    ledger = record(folder, count, explore=explore)
    write(ledger, folder, job=Job.model_validate_json((folder / "job.json").read_bytes()), now=NOW)
    return folder


def told(folder: Path) -> dict[str, Any]:
    return json.loads((folder / DOCUMENT).read_text())


def test_every_figure_of_money_is_the_books_own(run: Path) -> None:
    """Spend, calls and tokens are those of the ledger, by lane and together; what an answer costs is what its calls do."""
    report, review = told(run), Review(run / "ledger.sqlite")
    books = {"": review.sums.total, **review.sums.lanes}
    review.close()
    for side in (report["together"], *report["lanes"]):
        own = books[side["name"] or ""]
        assert round(float(side["spentUsd"]) * 1e9) == own.spent_nano
        assert (side["calls"]["recorded"], side["tokens"]["input"], side["tokens"]["output"]) == (
            own.calls,
            own.input_tokens,
            own.output_tokens,
        )
    with (run / ANSWERS).open(newline="") as file:
        paid = sum(Decimal(line["cost_usd"]) for line in csv.DictReader(file))
    assert Decimal(report["spend"][-1]["usd"]) == paid
    assert paid <= Decimal(report["together"]["spentUsd"])  # a hedge that was hung up on may have cost something as well
    assert [side["name"] for side in report["lanes"]] == ["cloud", "local"]


def test_a_line_for_each_question(run: Path) -> None:
    """The table has each question once, and what it says of them adds up to what the document says."""
    with (run / ANSWERS).open(newline="") as file:
        lines = list(csv.DictReader(file))
    report = told(run)
    assert [line["id"] for line in lines] == [f"q{number}" for number in range(COUNT)]
    assert all(line["right"] == ("yes" if line["answer"] == line["id"][1:] else "no") for line in lines)
    assert sum(line["right"] == "yes" for line in lines) == report["together"]["accuracy"]["right"]
    assert sum(int(line["calls"]) for line in lines) == report["together"]["calls"]["recorded"]
    assert sum(line["escalated"] == "yes" for line in lines) == report["learned"]["escalated"]
    assert {line["lane"] for line in lines} == {"cloud", "local"}


def test_whether_one_lane_would_have_done(run: Path) -> None:
    """The local lane alone is right less often and costs nothing; the cloud lane alone costs more than the pair. Both are said."""
    report = told(run)
    alone = {each["name"]: each for each in report["alone"]["lanes"]}
    points = {point["name"]: point["accuracy"] for point in report["qualityCost"]["points"]}
    local, cloud = (next(name for name in points if name.startswith(lane)) for lane in ("local alone", "cloud alone"))
    accuracy, cost_nano = report["together"]["accuracy"], float(report["together"]["questionUsd"]) * 1e9
    assert alone[local]["worth"]["interval"][1] < accuracy["interval"][0]
    assert alone[local]["costNano"]["value"] == 0 < cost_nano < alone[cloud]["costNano"]["value"]
    assert any("It would not have done" in sentence for sentence in report["verdict"])
    assert points["this run"] == accuracy["value"]
    assert points["oracle"] >= points[cloud] > points[local]


def test_accuracy_by_class_and_lane(tmp_path: Path) -> None:
    """The local lane knows one class, guesses at another and has the third wrong: to the question, where it was asked them all."""
    kinds = {each["kind"]: each for each in told(reported(tmp_path, 30, explore=1))["kinds"]}
    assert set(kinds) == set(KINDS)
    assert (kinds["doubles"]["local"], kinds["squares"]["local"]) == (1, 0)
    assert 0 < kinds["halves"]["local"] < 1
    assert [kinds[kind]["cloud"] for kind in KINDS] == [0.9, 0.9, 0.9]


def test_a_class_that_was_not_asked_whole_leans_on_the_others(run: Path) -> None:
    """How far is a matter of how soon the router had learned enough to ask no more; never so far that a class is taken for another."""
    kinds = {each["kind"]: each["local"] for each in told(run)["kinds"]}
    assert 0 <= kinds["squares"] < kinds["halves"] < kinds["doubles"] <= 1
    halves = kinds["halves"]
    assert kinds["squares"] < halves / 2
    assert kinds["doubles"] > (1 + halves) / 2


def test_scores_carry_what_makes_them_scores(run: Path) -> None:
    """Each has its formula and, where it is measured, a baseline and an interval; a name of older scripts is an alias and no measure."""
    report = told(run)
    scores = report["scores"]
    assert all(score["formula"] for score in scores.values())
    assert scores["accuracy"]["interval"][0] <= scores["accuracy"]["value"] <= scores["accuracy"]["interval"][1]
    assert scores["accuracy"]["value"] == report["together"]["accuracy"]["value"]
    assert scores["crossLaneLift"]["value"] is None
    assert report["olderNames"]["consciousness"] == "metacognition"
    assert "does not measure consciousness" in report["olderNames"]["note"]
    page = (run / PAGE).read_text()
    assert "does not measure consciousness" in page
    agreement = scores["agreement"]
    shown = "<td>validated</td>" if agreement["aurocInterval"][0] > 0.5 else "<td>unvalidated</td>"
    assert shown in page


def test_the_older_table_is_filled(run: Path) -> None:
    """Speed, cost and quality of each lane and of both, for one question and reckoned for more."""
    rows = {row["system"]: row for row in told(run)["comparison"]}
    assert list(rows) == ["cloud", "local", "both"]
    assert rows["cloud"]["model"] == "cloud-model"
    assert rows["cloud"]["seconds"]["100"] == pytest.approx(100 * rows["cloud"]["seconds"]["1"])
    assert float(rows["local"]["usd"]["500"]) == 0 < float(rows["both"]["usd"]["500"]) < float(rows["cloud"]["usd"]["500"])


def test_a_ledger_alone_tells_whose_lanes_are(run: Path) -> None:
    """Without the job a lane's side is read off the decisions, and the figures are the same; only models are not known."""
    with_job, folder = told(run), run / "alone"
    write(run / "ledger.sqlite", folder, job=None, now=NOW)
    without = told(folder)
    review = Review(run / "ledger.sqlite")
    assert sides.of_choices(review.choices()).kinds == {"local": LaneKind.LOCAL, "cloud": LaneKind.CLOUD}
    review.close()
    assert without["alone"] == with_job["alone"]
    assert without["scores"] == with_job["scores"]
    assert [side["model"] for side in without["lanes"]] == [None, None]


def test_the_same_ledger_gives_the_same_report(run: Path) -> None:
    """Nothing in a report is left to chance, pictures included."""
    job = Job.model_validate_json((run / "job.json").read_bytes())
    write(run / "ledger.sqlite", run / "again", job=job, now=NOW)
    for name in (DOCUMENT, ANSWERS, PAGE):
        assert (run / "again" / name).read_bytes() == (run / name).read_bytes()
