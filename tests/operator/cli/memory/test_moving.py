"""`tandem memory export` and `import`."""

import json
import pickle
from typing import Any

import pytest
from tandem_memory.client import Memory

SEED = [
    {
        "question": f"What is {thing}?",
        "answer": f"{thing} is...",
        "metrics": {"consciousness": 0.85, "integration": 0.78, "coherence": 0.92},
        "timestamp": "2025-11-10T19:00:00",
        "source": source,
    }
    for source, thing in (("cloud", "consciousness"), ("cloud", "time"), ("local_dual_gpu", "space"))
]


def test_the_seed_s_pickle_is_imported_once_however_often_it_is_given(run: Any, desk: Any) -> None:
    """Then counted, found and exported, with the names that it uses."""
    file = desk.path / "training_memory.pkl"
    file.write_bytes(pickle.dumps({"experiences": [*SEED, {**SEED[0], "answer": "another", "neuron": 3}]}))
    first = run("import", file)
    assert (first.stdout, first.returncode) == ("4 taken in, 0 were there already\n", 0)
    assert first.stderr == f"{file}: neuron: has no place in a record; left out of 1\n"
    assert run("import", file).stdout == "0 taken in, 4 were there already\n"
    stats = json.loads(run("stats", "-o", "json").stdout)
    assert {name: each["records"] for name, each in stats["bySource"].items()} == {"cloud": 3, "local_dual_gpu": 1}
    assert stats["bySource"]["cloud"]["metrics"]["consciousness"]["mean"] == pytest.approx(0.85)
    found = json.loads(run("search", "What is time?", "-k", 1, "-o", "json").stdout)
    assert found[0]["record"]["question"] == "What is time?"
    assert found[0]["record"]["at"] == "2025-11-10T19:00:00Z"


@pytest.mark.usefixtures("two_lanes")
def test_an_export_is_imported_elsewhere_as_it_was(run: Any, desk: Any) -> None:
    """With times and uses, gzipped or not, and printed."""
    for name in ("memory.jsonl", "memory.jsonl.gz"):
        assert run("export", name).stdout == f"4 records in {name}\n"
        assert run("import", name, "-n", "elsewhere").stderr == ""
        other = run("export", "-", "-n", "elsewhere")
        (desk.path / name).unlink()
        here = run("export", "-")
        assert _bare(here.stdout) == _bare(other.stdout)
        assert len(here.stdout.splitlines()) == 4
    assert run("export", "-", "--source", "cloud", "--vectors").stdout.count('"vector":') == 2
    assert json.loads(here.stdout.splitlines()[0])["use"] == {"times": 2, "gain": 1.5, "by_source": {"local": 2}}


def test_a_mistake_in_an_import_changes_nothing(run: Any, desk: Any, memory: Memory) -> None:
    """It is read to its end first; the line is named."""
    (desk.path / "memory.jsonl").write_text('{"question": "1"}\n{"question": "2", "score": "high"}\n')
    ran = run("import", "memory.jsonl")
    assert (ran.returncode, ran.stderr) == (2, 'tandem: memory.jsonl:2: score: "high": is no number\n')
    assert not [each for each in memory.namespaces() if each.name.startswith("test_a_mistake_in_an")]


def test_a_record_that_the_service_refuses_is_named_by_its_line(run: Any, desk: Any) -> None:
    """Empty lines are counted, too; and by its place among all records, as the service says it."""
    (desk.path / "memory.jsonl").write_text('{"question": "1"}\n\n{"question": "2", "use": {"times": 1, "gain": 7}}\n')
    ran = run("import", "memory.jsonl")
    said = "records[1].use.gain: 7.0 is not within -1 to 1; each of use.times is -1 to 1\n"
    assert (ran.returncode, ran.stderr.startswith("tandem: memory.jsonl:3: memory at ")) == (2, True), ran.stderr
    assert ran.stderr.endswith(said)


def test_a_pickle_that_is_more_than_data_is_refused(run: Any, desk: Any) -> None:
    """By name, and nothing of it is carried out."""
    (desk.path / "evil.pkl").write_bytes(b"cos\nsystem\n(S'touch victim'\ntR.")
    ran = run("import", "evil.pkl")
    assert ran.returncode == 2
    assert "the pickle holds more than plain values: GLOBAL os system at byte 0" in ran.stderr
    assert not (desk.path / "victim").exists()


def _bare(lines: str) -> list[dict[str, object]]:
    """Exports without the ids, which every store gives anew."""
    return [{name: value for name, value in json.loads(line).items() if name != "id"} for line in lines.splitlines()]
