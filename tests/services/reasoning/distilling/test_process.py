"""The command lines that `tandem distill` starts."""

import json
from pathlib import Path

import pytest
from tandem_reasoning.distilling.__main__ import main
from tandem_reasoning.distilling.canary import kept_back

from tests.services.reasoning.distilling.books import CASCADE, LONE, Books, question


def filled(books: Books, count: int) -> None:
    """Half of the questions had to be handed on, the local experts knew the others."""
    for number in range(count):
        hard = number % 2 == 1
        asked = question(f"q{number}", f"a{number}", kind="hard" if hard else "easy")
        votes = ("no", "yes") if hard else (f"a{number}", f"a{number}")
        books.answered(asked, CASCADE, votes=votes, cloud=f"a{number}" if hard else None)


def told(path: Path) -> list[dict[str, object]]:
    return [json.loads(text) for text in path.read_text().splitlines()]


def test_what_is_selected_of_a_run(books: Books, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Half lessons, half rehearsals, no question in both the rows and the canary, and the same files a second time."""
    filled(books, 100)
    command = ["select", str(books.path), "--into", str(tmp_path / "round"), "--min-samples", "30"]
    assert main(command) == 0
    rows, canary = (told(tmp_path / "round" / name) for name in ("rows.jsonl", "canary.jsonl"))
    (selection,) = told(tmp_path / "round" / "selection.json")
    asked = {message["content"] for row in rows for message in row["messages"]}  # type: ignore[attr-defined]
    kept = [str(each["question"]) for each in canary]
    assert kept == [f"what is q{number}?" for number in range(100) if kept_back(question(f"q{number}"))]
    assert not [text for text in kept if any(text in prompt for prompt in asked)]
    assert selection["lessons"] == selection["rehearsals"] == 50 - sum(each["kind"] == "hard" for each in canary)
    assert len(rows) == selection["rows"] == 2 * 3 * int(str(selection["lessons"]))
    assert f"{selection['lessons']} lessons" in capsys.readouterr().out
    assert main(command) == 0
    assert told(tmp_path / "round" / "selection.json") == [selection]


def test_what_the_model_says_to_crosses_is_taught_with_the_rest(books: Books, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Crosses have no answer and were never asked; as it answers them it goes on, word for word, in the prompts that it was asked in."""
    filled(books, 100)
    folder = tmp_path / "round"
    assert main(["select", str(books.path), "--into", str(folder), "--min-samples", "30"]) == 0
    (selection,) = told(folder / "selection.json")
    crosses, rows = told(folder / "crosses.jsonl"), told(folder / "rows.jsonl")
    assert crosses
    assert len(crosses) == selection["crosses"]
    assert not any("answer" in each for each in crosses)
    assert f"{len(crosses)} questions that nobody asked" in capsys.readouterr().out
    habits = Books.at(tmp_path / "habits")
    for each in crosses:
        asked = question(str(each["id"]), kind=str(each["kind"]))
        habits.answered(asked, CASCADE, votes=("Either.", "neither"))
    habits.ledger.close()
    command = ["gather", str(habits.path), "--into", str(folder)]
    assert main(command) == 0
    taught = told(folder / "taught.jsonl")
    assert taught[: len(rows)] == rows
    said = [each["messages"][-1] for each in taught[len(rows) :]]  # type: ignore[index]
    assert said == [{"role": "assistant", "content": text} for text in ("Either.", "neither")] * len(crosses)
    sizes = [sum(len(message["content"]) for message in each["messages"]) for each in taught]  # type: ignore[attr-defined]
    assert told(folder / "taught.json") == [
        {"habits": len(crosses), "rows": len(taught), "textBytes": sum(sizes), "longestBytes": max(sizes)}
    ]
    assert main(command) == 0
    assert told(folder / "taught.jsonl") == taught


def test_too_little_to_teach(books: Books, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """How many there are, how many are asked, and what to do."""
    filled(books, 20)
    assert main(["select", str(books.path), "--into", str(tmp_path), "--min-samples", "300"]) == 2
    assert "answers of the cloud lane teach something, and 300 are asked: go on once" in capsys.readouterr().err


def test_nothing_to_rehearse(books: Books, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A model that is taught nothing but what is new forgets all it knows, so it is not taught."""
    for number in range(10):
        books.answered(question(f"q{number}"), CASCADE, votes=("no", "yes"), cloud="yes")
    assert main(["select", str(books.path), "--into", str(tmp_path), "--min-samples", "1"]) == 2
    assert "would forget" in capsys.readouterr().err


def test_no_books(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A run that has none is told in one line."""
    assert main(["select", str(tmp_path / "ledger.sqlite"), "--into", str(tmp_path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(("better", "code", "word"), [(True, 0, "promoted"), (False, 1, "rejected: it gains 0.0 points")])
def test_the_books_of_both_models_decide(tmp_path: Path, capsys: pytest.CaptureFixture[str], *, better: bool, code: int, word: str) -> None:
    """The exit code promotes or rejects; figures stand by class, and in verdict.json for programs."""
    for name, right in (("before", False), ("after", better)):
        books = Books.at(tmp_path / name)
        for number in range(40):
            kind = "easy" if number % 2 else "hard"
            books.answered(question(f"q{number}", "yes", kind=kind), LONE, greedy="yes" if right or kind == "easy" else "no")
        books.ledger.close()
    before, after = (str(tmp_path / name / "ledger.sqlite") for name in ("before", "after"))
    assert main(["judge", before, after, "--into", str(tmp_path)]) == code
    out = capsys.readouterr().out
    assert out.startswith(word)
    assert f"hard: 0 -> {20 if better else 0} of 20 right ({'+100.0 points, +76 to +100' if better else '+0.0 points, -9 to +9'}" in out
    assert "fewer than 50 questions" in out
    (verdict,) = told(tmp_path / "verdict.json")
    assert verdict["promoted"] is better
