"""`python -m tandem_reasoning.routing.replay`: other policies judged by the ledger of a run."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tandem_reasoning.coordinator.job import Job
from tandem_reasoning.report.writing import write
from tandem_reasoning.routing.replay.__main__ import main, rows

from tests.services.reasoning.coordinator.learning_run import run

COUNT = 100


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a cascade that explored a third of its questions."""
    folder = tmp_path_factory.mktemp("run")
    run(folder, COUNT, policy="Cascade", explore=0.35)
    return folder / "ledger.sqlite"


def told(capsys: pytest.CaptureFixture[str], ledger: Path, *arguments: str) -> dict[str, Any]:
    assert main([str(ledger), *arguments]) == 0
    return json.loads(capsys.readouterr().out)


def test_each_lane_alone_is_a_baseline(ledger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The local lane has half of the questions right for nothing, the cloud lane all for its price; a coin lies between."""
    found = told(capsys, ledger, "--policy", "Cloud")
    local, cloud = found["baselines"]["local"], found["baselines"]["cloud"]
    assert found["questions"] == COUNT
    assert local["worth"] == pytest.approx(0.5, abs=0.1)
    assert local["cost_usd"] == 0
    assert cloud["worth"] == 1.0
    assert cloud["cost_usd"] == pytest.approx(55e-6)  # 55 tokens at a dollar a million
    assert found["policy"]["worth"] == 1.0
    assert found["baselines"]["random"]["worth"] == pytest.approx(1.0)


def test_neighbours_are_worth_more_than_a_coin_for_the_same_money(ledger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Judged by another policy's run: near all of the cloud lane's quality for little more than half of its price."""
    found = told(capsys, ledger, "--policy", "Knn")["policy"]
    assert found["worth"] >= 0.9
    assert found["part_of_cloud_cost"] < 0.75
    assert found["over_random"] > 0.15
    assert found["worth_interval"][0] <= found["worth"] <= found["worth_interval"][1]
    assert found["seen"] > 0.2 * COUNT


def test_the_curve_tells_of_all_policies(ledger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By their cost; the oracle pays for what the local lane has wrong, and nothing else."""
    found = told(capsys, ledger, "--policy", "Random", "--cloud-share", "0.3")
    costs = [point["cost_usd"] for point in found["curve"]]
    assert costs == sorted(costs)
    assert {point["name"].split(",")[0] for point in found["curve"]} >= {"Local", "Cloud", "Random", "Knn", "Cascade"}
    assert abs(found["policy"]["over_random"]) < 0.15
    oracle, cloud = found["baselines"]["oracle"], found["baselines"]["cloud"]
    assert oracle["worth"] == 1.0
    assert 0.3 < oracle["cost_usd"] / cloud["cost_usd"] < 0.7


def test_decisions_keep_what_they_rested_on(ledger: Path) -> None:
    """Once there were neighbours, they are in the log; without the job beside it, the decisions tell whose each lane is."""
    with_job = list(rows(ledger))
    assert sum(bool(row.known.neighbours) for row in with_job) > 0.8 * COUNT
    (ledger.parent / "job.json").rename(ledger.parent / "other.json")
    assert [row.seen for row in rows(ledger)] == [row.seen for row in with_job]
    (ledger.parent / "other.json").rename(ledger.parent / "job.json")


def test_the_report_says_the_same(ledger: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each lane alone, the oracle, and how much of the gap between them a policy closes: there is one estimate of each."""
    write(ledger, tmp_path, job=Job.model_validate_json(ledger.with_name("job.json").read_bytes()), now=datetime(2026, 1, 1, tzinfo=UTC))
    report = json.loads((tmp_path / "report.json").read_text())
    alone = {each["name"]: each for each in report["alone"]["lanes"]}
    for name, arguments in (
        ("local alone, a vote", ["Local"]),
        ("local alone, one call", ["Local", "--single"]),
        ("cloud alone, one call", ["Cloud"]),
    ):
        found = told(capsys, ledger, "--policy", *arguments)
        assert found["policy"]["worth"] == alone[name]["worth"]["value"]
        assert found["policy"]["worth_interval"] == alone[name]["worth"]["interval"]
        assert found["policy"]["effective"] == alone[name]["effective"]
        points = {point["name"]: point["accuracy"] for point in report["qualityCost"]["points"]}
        assert found["baselines"]["oracle"]["worth"] == points["oracle"]
    assert report["scores"]["pgr"]["value"] == report["qualityCost"]["gapRecovered"]


def test_of_a_lane_that_was_never_asked_nothing_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither of it alone nor of a coin that falls on it now and then."""
    run(tmp_path, 12, policy="Local")
    found = told(capsys, tmp_path / "ledger.sqlite", "--policy", "Cloud")
    assert (found["policy"]["worth"], found["policy"]["cost_usd"], found["baselines"]["cloud"]) == (None, None, None)
    assert [point["name"] for point in found["curve"] if "Random" in point["name"] or point["name"] == "Cloud"] == []


def test_what_is_no_ledger_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In a line, with 2 for the shell."""
    (tmp_path / "no.sqlite").write_text("this is none, and long enough to be looked into as if it were one")
    assert main([str(tmp_path / "no.sqlite"), "--policy", "Local"]) == 2
    assert "no.sqlite" in capsys.readouterr().err
    assert main([str(tmp_path / "nosuch.sqlite"), "--policy", "Local"]) == 2
    assert capsys.readouterr().err == f"tandem-reasoning replay: {tmp_path / 'nosuch.sqlite'}: there is no such file\n"
