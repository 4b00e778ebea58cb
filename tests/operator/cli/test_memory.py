"""`tandem memory` as people use it, against the real service."""

import json
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer
import yaml
from tandem_memory.client import Judged, Memory, Record, Verified
from tandem_memory.client.answers import Checked, Finding
from tandem_operator.cli.memory import keeping
from tandem_operator.cli.memory.asked import Place
from tandem_operator.cli.memory.speaking import some
from tandem_operator.cli.show.format import Format

from tests.services.memory.process import Service

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


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    made = Service(tmp_path_factory.mktemp("memory")).start()
    yield made
    made.kill()


@pytest.fixture
def namespace(desk: Any, service: Service, request: pytest.FixtureRequest) -> str:
    """A namespace of the test's own, which the environment of its commands names."""
    name: str = request.node.originalname
    desk.environ |= {"TANDEM_MEMORY": service.address, "TANDEM_MEMORY_NAMESPACE": name}
    return name


@pytest.fixture
def run(desk: Any, namespace: str) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs `tandem memory` about it."""
    assert namespace
    return lambda *words: desk.tandem("memory", *words)


@pytest.fixture
def memory(service: Service, namespace: str) -> Iterator[Memory]:
    """The same namespace, for the test itself."""
    with Memory(service.address, namespace) as made:
        yield made


@pytest.fixture
def two_lanes(memory: Memory) -> list[str]:
    """What a cloud and a local lane wrote, and used of each other; ids."""
    lanes = {"cloud": (0.9, "0.02", 154.0), "local": (0.7, "0", 49.5)}
    ids: list[str] = []
    for lane, (score, cost, seconds) in lanes.items():
        records = [
            Record(
                question=f"{lane} {n}",
                answer="so",
                source=lane,
                score=score,
                cost_usd=Decimal(cost),
                verified=Verified.LABEL,
                metrics={"coherence": score, "duration_seconds": seconds},
            )
            for n in range(2)
        ]
        ids += [each.id for each in memory.append(records)]
    uses = [(ids[0], 1.0, "local"), (ids[0], 0.5, "local"), (ids[1], 0.0, "cloud"), (ids[2], -1.0, "cloud")]
    memory.judge([Judged(id=id_, gain=gain, source=source) for id_, gain, source in uses])
    return ids


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


def test_a_pickle_that_is_more_than_data_is_refused(run: Any, desk: Any) -> None:
    """By name, and nothing of it is carried out."""
    (desk.path / "evil.pkl").write_bytes(b"cos\nsystem\n(S'touch victim'\ntR.")
    ran = run("import", "evil.pkl")
    assert ran.returncode == 2
    assert "the pickle holds more than plain values: GLOBAL os system at byte 0" in ran.stderr
    assert not (desk.path / "victim").exists()


@pytest.mark.usefixtures("two_lanes")
def test_a_search_is_a_table_for_people(run: Any) -> None:
    """Nearest first, on one line each, filtered as asked."""
    head, first, *_ = run("search", "cloud 1", "--source", "cloud").stdout.splitlines()
    assert head.split() == ["NEAR", "SOURCE", "SCORE", "GAIN", "QUESTION", "ANSWER"]
    assert first.split() == ["1.000", "cloud", "0.90", "+0.00", "cloud", "1", "so"]
    assert run("search", "cloud 1", "--metric", "coherence=0.95..").stdout == "nothing is found\n"
    assert len(yaml.safe_load(run("search", "cloud 1", "--verified", "label", "--min-score", 0.8, "-o", "yaml").stdout)) == 2


def test_what_a_model_wrote_gives_the_terminal_no_commands(run: Any, memory: Memory) -> None:
    """Escapes and new lines are blanks in a table, and themselves in JSON."""
    memory.append([Record(question="q", answer="\x1b[2Jfirst\nsecond", source="\x1b]0;title\x07")])
    assert "\x1b" not in run("search", "q").stdout + run("stats").stdout + run("report").stdout
    assert "[2Jfirst second" in run("search", "q").stdout
    assert json.loads(run("search", "q", "-o", "json").stdout)[0]["record"]["answer"] == "\x1b[2Jfirst\nsecond"


@pytest.mark.usefixtures("two_lanes")
def test_tail_shows_what_happens_and_where_to_go_on(run: Any, desk: Any, memory: Memory, until: Any) -> None:
    """All there is, then news; Ctrl-C leaves with the cursor, from which another tail goes on."""
    lines = run("tail", "--beginning", "-c", 8, "-o", "json").stdout.splitlines()
    assert [next(iter(json.loads(line))) for line in lines] == ["appended"] * 4 + ["judged"] * 4
    file = desk.path / "out"
    with file.open("w") as out:
        words = [str(Path(sys.executable).with_name("tandem")), "memory", "tail", "--beginning"]
        process = subprocess.Popen(words, stdout=out, stderr=subprocess.PIPE, text=True, env=desk.environ)
    desk.started.append(process)
    until(lambda: len(file.read_text().splitlines()) == 8)
    memory.append([Record(question="news", answer="indeed", source="local")])
    until(lambda: "news -> indeed" in file.read_text())
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    cursor = said.rpartition("--cursor ")[2].strip()
    memory.append([Record(question="later")])
    assert "later" in run("tail", "--cursor", cursor, "-c", 1).stdout


def test_tail_outlives_the_service(desk: Any, tmp_path: Path, until: Any) -> None:
    """Killed and started again: a word on standard error, and every record once."""
    service = Service(tmp_path / "service").start()
    file, said = desk.path / "out", desk.path / "said"
    with file.open("w") as out, said.open("w") as err, Memory(service.address, "team") as memory:
        memory.append([Record(question="one")])
        words = [str(Path(sys.executable).with_name("tandem")), "memory", "tail", "--beginning", "-n", "team", "-c", "2", "-o", "json"]
        process = subprocess.Popen(words, stdout=out, stderr=err, env=desk.environ | {"TANDEM_MEMORY": service.address})
        desk.started.append(process)
        until(file.read_text)
        service.kill()
        until(lambda: "watching again once it answers" in said.read_text())
        service.start()
        memory.append([Record(question="two")])
        assert process.wait(120) == 0
    service.kill()
    assert [json.loads(line)["appended"]["question"] for line in file.read_text().splitlines()] == ["one", "two"]
    assert said.read_text().count("\n") == 1


def test_prune_says_what_would_go_and_removes_it_when_asked(run: Any, memory: Memory, two_lanes: list[str]) -> None:
    """The dry run counts, the run removes the same."""
    dry = json.loads(run("prune", "--keep-best", 1, "--per-source", "--dry-run", "-o", "json").stdout)
    assert (dry["removed"], dry["kept"], dry["bySource"]) == (2, 2, {"cloud": 1, "local": 1})
    assert len(list(memory.scan())) == 4
    assert run("prune", "--harmful-after", 1).stdout.splitlines() == ["1 removed, 3 stay", "SOURCE  REMOVED", "local   1      "]
    assert [each.id for each in memory.scan()] == [each for each in two_lanes if each != two_lanes[2]]


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


@pytest.mark.usefixtures("two_lanes")
def test_the_store_is_checked_and_copied(run: Any, desk: Any) -> None:
    """All is well, and the copy is where it was asked for."""
    assert "all is well" in run("check").stdout
    assert json.loads(run("check", "-o", "json").stdout)["findings"] == []
    made = json.loads(run("backup", (desk.path / "copy").as_uri(), "-o", "json").stdout)
    assert made["records"] >= 4
    assert any((desk.path / "copy").rglob("*"))


def test_what_is_found_is_no_command_for_the_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Where something is wrong is told by keys, which writers choose."""
    found = Finding(namespace="n", where="keys 1/\x1b[2Jmine", what="leads to position 3, where no record says so")

    @contextmanager
    def speaking(*_: object, **__: object) -> Generator[SimpleNamespace]:
        yield SimpleNamespace(check=lambda: Checked(records=1, findings=[found]))

    monkeypatch.setattr(keeping, "speaking", speaking)
    with pytest.raises(typer.Exit):
        keeping.check(Place(), Format.TABLE)
    assert capsys.readouterr().out.splitlines()[0] == "n: keys 1/ [2Jmine: leads to position 3, where no record says so"


@pytest.mark.usefixtures("two_lanes")
def test_namespaces_are_listed_and_one_may_be_left_out_only_while_it_is_alone(run: Any, desk: Any) -> None:
    """With several, the mistake names them."""
    mine: str = desk.environ["TANDEM_MEMORY_NAMESPACE"]
    run("import", _file(desk, '{"question": "why"}\n'), "-n", "another")
    listed = {each["name"]: each["records"] for each in json.loads(run("namespaces", "-o", "json").stdout)}
    assert (listed[mine], listed["another"]) == (4, 1)
    ran = run("stats", "-n", "")
    assert ran.returncode == 2
    assert ran.stderr.startswith("tandem: --namespace: absent, and there are another")
    assert some([f"run-{n:04}" for n in range(1503)]).endswith("run-0009 and 1,493 more (tandem memory namespaces)")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["stats", "-n", "none"], 4, "'none' is not there yet"),
        (["search", "?", "--metric", "coherence"], 2, "--metric: coherence is no stretch of a metric"),
        (["search", "?", "--verified", "yes"], 2, "--verified: yes is none of unsaid, none, label"),
        (["stats", "--since", "soon"], 2, "--since: soon is no time"),
        (["prune"], 2, "nothing says what should go"),
        (["prune", "--per-source", "--before", "2025-01-01"], 2, "--per-source: says how --keep-best counts"),
        (["export", "memory.csv"], 2, "memory.csv: ends in none of .jsonl"),
        (["import", "memory.csv"], 2, "memory.csv: ends in none of .jsonl"),
        (["export", "absent/memory.jsonl"], 74, "tandem: absent/memory.jsonl: No such file or directory; give a file"),
        (["import", "absent.jsonl"], 2, "absent.jsonl: No such file or directory; give an export"),
        (["search", "\udcff"], 2, "'\\udcff': is no UTF-8"),
        (["import", "absent.jsonl", "-n", ""], 2, "--namespace: absent"),
        (["report", "--save", "report.pdf"], 2, "--save: report.pdf ends in none of .html, .png, .svg"),
        (["tail", "--cursor", "nonsense"], 2, "cursor"),
        (["stats", "--address", "127.0.0.1:1"], 74, "nobody listens there: start the service"),
        (["tail", "--address", "127.0.0.1:1"], 74, "memory at 127.0.0.1:1: "),
        (["stats", "--address", "nowhere"], 2, "nowhere"),
        (["stats", "--address", ""], 2, "--address: absent; say where the memory is as host:port, or set TANDEM_MEMORY"),
        (["stats", "--token-file", "absent"], 2, "token_file: absent cannot be read"),
    ],
)
def test_a_mistake_has_an_exit_code_and_a_line(run: Any, memory: Memory, words: list[str], code: int, said: str) -> None:
    """What was given, and what to give instead; never a stack trace."""
    memory.append([Record(question="why", key="k")])
    ran = run(*words)
    assert (ran.returncode, said in ran.stderr, ran.stderr.count("\n")) == (code, True, 1), ran.stderr


def test_who_may_not_is_told_so(desk: Any, tmp_path: Path) -> None:
    """Without a token, with a wrong one, and let in with the right one from the environment."""
    right, wrong = tmp_path / "right", tmp_path / "wrong"
    right.write_text("sesame\n")
    wrong.write_text("open\n")
    service = Service(tmp_path / "service", TOKEN_FILE=right).start()
    desk.environ |= {"TANDEM_MEMORY": service.address}
    none = desk.tandem("memory", "namespaces")
    assert (none.returncode, "authorization: absent" in none.stderr) == (74, True)
    assert desk.tandem("memory", "namespaces", "--token-file", wrong).returncode == 74
    desk.environ |= {"TANDEM_MEMORY_TOKEN_FILE": str(right)}
    let_in = desk.tandem("memory", "namespaces")
    assert (let_in.returncode, let_in.stderr) == (0, "no namespace yet: one begins with its first record\n")
    service.kill()


def test_help_needs_nothing_heavy(desk: Any) -> None:
    """As for every command: it answers at once."""
    script = """
import sys
from tandem_operator.cli import main
sys.argv = ["tandem", "memory", "search", "--help"]
try:
    main.main()
except SystemExit:
    pass
print("IMPORTED", [name for name in ("grpc", "numpy", "stamina", "google.protobuf", "matplotlib") if name in sys.modules])
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=desk.environ, check=True)
    assert ran.stdout.endswith("IMPORTED []\n"), ran.stdout[-200:]


def _bare(lines: str) -> list[dict[str, object]]:
    """Exports without the ids, which every store gives anew."""
    return [{name: value for name, value in json.loads(line).items() if name != "id"} for line in lines.splitlines()]


def _file(desk: Any, text: str) -> Path:
    path: Path = desk.path / "memory.jsonl"
    path.write_text(text)
    return path
