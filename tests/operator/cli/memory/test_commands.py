"""`tandem memory` as people use it, against the real service."""

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer
import yaml
from tandem_memory.client import Memory, Record
from tandem_memory.client.answers import Checked, Finding
from tandem_operator.cli.memory import keeping
from tandem_operator.cli.memory.asked import Place
from tandem_operator.cli.memory.speaking import some
from tandem_operator.cli.show.format import Format

from tests.services.memory.process import Service


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


def test_prune_says_what_would_go_and_removes_it_when_asked(run: Any, memory: Memory, two_lanes: list[str]) -> None:
    """The dry run counts, the run removes the same."""
    dry = json.loads(run("prune", "--keep-best", 1, "--per-source", "--dry-run", "-o", "json").stdout)
    assert (dry["removed"], dry["kept"], dry["bySource"]) == (2, 2, {"cloud": 1, "local": 1})
    assert len(list(memory.scan())) == 4
    assert run("prune", "--harmful-after", 1).stdout.splitlines() == ["1 removed, 3 stay", "SOURCE  REMOVED", "local   1      "]
    assert [each.id for each in memory.scan()] == [each for each in two_lanes if each != two_lanes[2]]
    few = run("prune", "--keep-best", 1, "--source", "cloud", "--dry-run").stdout
    assert few.startswith("1 would go, 1 of those that match stay, as all others do\n")


@pytest.mark.usefixtures("two_lanes")
def test_the_store_is_checked_and_copied(run: Any, desk: Any) -> None:
    """All is well, and the copy is where it was asked for."""
    assert "all is well" in run("check", "--deadline", 300).stdout
    assert json.loads(run("check", "-o", "json").stdout)["findings"] == []
    made = json.loads(run("backup", (desk.path / "copy").as_uri(), "--deadline", 300, "-o", "json").stdout)
    assert made["records"] >= 4
    assert any((desk.path / "copy").rglob("*"))


def test_what_is_found_is_no_command_for_the_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Where something is wrong is told by keys, which writers choose."""
    found = Finding(namespace="n", where="keys 1/\x1b[2Jmine", what="leads to position 3, where no record says so")

    @contextmanager
    def speaking(*_: object, **__: object) -> Generator[SimpleNamespace]:
        yield SimpleNamespace(check=lambda **_: Checked(records=1, findings=[found]))

    monkeypatch.setattr(keeping, "speaking", speaking)
    with pytest.raises(typer.Exit):
        keeping.check(Place(), Format.TABLE, 600.0)
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
        (["search", "?", "--metric", "calls=9..1"], 2, "--metric: calls=9..1 begins after its end; write calls=1..9"),
        (["search", "?", "--since", "2025-02", "--until", "2025-01"], 2, "--since: 2025-02 is no time"),
        (["stats", "--since", "2025-02-01", "--until", "2025-01-01"], 2, "--since: 2025-02-01 is not before --until 2025-01-01; nothing"),
        (["backup", "file:///proc/nope"], 74, "cannot be written: no folder can be made there (No such file or directory)"),
        (["check", "--address", "127.0.0.1:1", "--deadline", "5"], 74, "nobody listens there"),
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


def test_who_hangs_up_may_just_be_stopping(desk: Any) -> None:
    """A service that is killed hangs up, as one with TLS does: both are said, and neither is taken for the only one."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        hanging_up = threading.Thread(target=_hang_up, args=[listening], daemon=True)
        hanging_up.start()
        desk.environ |= {"TANDEM_MEMORY": f"127.0.0.1:{listening.getsockname()[1]}"}
        ran = desk.tandem("memory", "tail", "-n", "any")
        listening.shutdown(socket.SHUT_RDWR)
    assert (ran.returncode, ran.stderr.count("\n")) == (74, 1)
    assert "hangs up: try again if it is stopping, or give gRPC's address, with TLS if it has that" in ran.stderr


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


def _hang_up(listening: socket.socket) -> None:
    """On everybody who calls, until nobody is listened to any more."""
    with suppress(OSError):
        while True:
            listening.accept()[0].close()


def _file(desk: Any, text: str) -> Path:
    path: Path = desk.path / "memory.jsonl"
    path.write_text(text)
    return path
