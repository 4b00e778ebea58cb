"""`tandem memory report`."""

import json
from typing import Any

import pytest
from tandem_memory.client import Memory, Record


@pytest.mark.usefixtures("two_lanes")
def test_the_report_sets_cloud_against_local(run: Any, desk: Any) -> None:
    """Counts, means, cost, who used whose records and to what gain, in every shape; claims are marked as such."""
    table = [line.split() for line in run("report").stdout.splitlines()]
    assert table[0] == ["cloud", "local", "all"]
    assert ["records", "2", "2", "4"] in table
    assert ["mean", "coherence*", "0.9", "0.7", "0.8"] in table
    assert ["mean", "duration_seconds", "154", "49.5", "101.8"] in table
    assert ["cost", "of", "a", "record", "$0.0200", "$0.0000", "$0.0100"] in table
    assert ["used", "by", "local", "2", "0", "2"] in table
    assert ["mean", "gain", "of", "a", "use", "+0.500", "-1.000", "+0.125"] in table
    assert ["75%", "of", "uses", "were", "of", "another", "source's", "records"] in table
    assert any("no consciousness" in " ".join(line) for line in table)
    told = json.loads(run("report", "-o", "json", "--save", "report.html").stdout)
    assert told["crossUseShare"] == 0.75
    assert {"of": "cloud", "by": "local", "times": 2} in told["uses"]
    csv = run("report", "-o", "csv", "--save", "report.png").stdout.splitlines()
    assert csv[0].startswith("source,records,first_at")
    assert csv[1].startswith("cloud,2,")
    page = (desk.path / "report.html").read_text()
    assert "<td>coherence*</td>" not in page
    assert "<td>mean coherence*</td>" in page
    assert "<svg" in page
    assert (desk.path / "report.png").read_bytes().startswith(b"\x89PNG")


def test_an_empty_namespace_makes_a_report_too(run: Any, desk: Any, memory: Memory) -> None:
    """Nothing used, nothing scored: dashes, and a picture that says so."""
    memory.append([Record(question="why")])
    ran = run("report", "--save", "report.svg")
    assert ran.returncode == 0
    table = [line.split() for line in ran.stdout.splitlines()]
    assert ["cost", "-", "-"] in table
    assert ["cost", "of", "a", "record", "-", "-"] in table
    assert json.loads(run("stats", "-o", "json").stdout)["bySource"][""]["costUsd"] is None
    assert "nothing was used yet" in (desk.path / "report.svg").read_text() or (desk.path / "report.svg").stat().st_size
