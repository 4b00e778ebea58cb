"""Conversations are read line by line, and the first line that is none is named with its field and the fix."""

import gzip
import json
from pathlib import Path

import pytest
from tandem_trainer.data.conversations import rows
from tandem_trainer.refusal import Refusal

ASKED, SAID = {"role": "user", "content": "shift ABC"}, {"role": "assistant", "content": "BCD"}


def test_plain_and_packed_files_are_read_with_their_line_numbers(tmp_path: Path) -> None:
    """What else a line says is for others; an empty line is none."""
    text = "\n".join(
        [json.dumps({"messages": [ASKED, SAID], "item": "shift-01"}), "", json.dumps({"messages": [ASKED, SAID, ASKED, SAID]})]
    )
    (tmp_path / "a.jsonl").write_text(text)
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(text.encode()))
    for name in ("a.jsonl", "a.jsonl.gz"):
        read = list(rows.read(tmp_path / name))
        assert [(each.line, [message.content for message in each.messages]) for each in read] == [
            (1, ["shift ABC", "BCD"]),
            (3, ["shift ABC", "BCD", "shift ABC", "BCD"]),
        ]


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ("{", "line 2: Invalid JSON"),
        ("[]", "line 2: "),
        ('{"text": "shift"}', "line 2, messages: Field required"),
        (json.dumps({"messages": [SAID]}), "line 2, messages: "),
        (json.dumps({"messages": [{**ASKED, "role": "human"}, SAID]}), "line 2, messages[0].role: "),
        (json.dumps({"messages": [ASKED, {**SAID, "content": ""}]}), "line 2, messages[1].content: "),
        (json.dumps({"messages": [ASKED, {**SAID, "tool_calls": []}]}), "line 2, messages[1].tool_calls: "),
        (json.dumps({"messages": [ASKED, SAID, ASKED]}), 'line 2, messages[2].role: the last message is of "user": end with the answer'),
    ],
)
def test_a_line_that_is_no_conversation_is_refused(tmp_path: Path, line: str, field: str) -> None:
    """One line of text names file, line, field and what to write instead."""
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"messages": [ASKED, SAID]}) + "\n" + line + "\n")
    with pytest.raises(Refusal) as refused:
        list(rows.read(path))
    assert str(refused.value).startswith(f"data.source: {path} {field}")
    assert "\n" not in str(refused.value)


def test_a_file_that_is_not_there_or_was_cut_is_refused(tmp_path: Path) -> None:
    """Both name the file; an address that is not of this machine is refused, too."""
    cut = tmp_path / "a.jsonl.gz"
    cut.write_bytes(gzip.compress(json.dumps({"messages": [ASKED, SAID]}).encode())[:-9])
    with pytest.raises(Refusal, match="cannot be read"):
        list(rows.read(cut))
    for source in (str(tmp_path / "none.jsonl"), "s3://bucket/a.jsonl"):
        with pytest.raises(Refusal, match=f"data.source: {source}"):
            rows.located(source)
