"""From lines to windows, with the tokenizer and the chat template of a model that is really there."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tandem_trainer.data.conversations.prepare import ensure
from tandem_trainer.data.conversations.rows import Message
from tandem_trainer.data.conversations.speech import Speech
from tandem_trainer.data.conversations.windows import Windows
from tandem_trainer.refusal import Refusal

EXAMPLES = Path(__file__).parents[4] / "manifests/examples"
MODEL = EXAMPLES / "models/local"
QUESTION = [1, 4, 358, 311, 226, 25, 16, 24, 36, 5]  # by transformers' own apply_chat_template
END = 2


def written(path: Path, *rows: tuple[str, str]) -> str:
    messages = ([{"role": "user", "content": asked}, {"role": "assistant", "content": said}] for asked, said in rows)
    path.write_text("".join(json.dumps({"messages": each}) + "\n" for each in messages))
    return str(path)


def speech(folder: Path, **changed: str) -> Path:
    """The model's folder, with some files written over; None takes one away."""
    shutil.copytree(MODEL, folder, ignore=shutil.ignore_patterns("*.safetensors"))
    for name, text in changed.items():
        (folder / name.replace("_dot_", ".")).write_text(text)
    return folder


def test_the_prompt_is_what_a_server_sends_and_the_answer_ends() -> None:
    """Tokens before the answer are those that transformers makes for generation; the last one is the end of the answer."""
    spoken = Speech(MODEL).spoken((Message(role="user", content="what is 4+3?"), Message(role="assistant", content="7")))
    assert spoken.tokens[: spoken.answer].tolist() == QUESTION
    assert spoken.tokens[spoken.answer :].tolist() == [28, END]


def test_windows_hold_whole_conversations_and_know_their_answers(tmp_path: Path) -> None:
    """Two share a window: places begin anew with each and with the padding; only answers are to be learned."""
    source = written(tmp_path / "a.jsonl", ("what is 4+3?", "7"), ("what is 4+4?", "8"))
    windows = Windows(ensure(source, MODEL, 32, tmp_path / "cache"))
    ((tokens,), (places,), (answers,)) = windows.read(np.array([0]))
    assert windows.index.windows == 1
    assert places.tolist() == [*range(12), *range(12), *range(8)]
    assert np.flatnonzero(answers).tolist() == [10, 11, 22, 23]
    assert tokens[answers].tolist() in ([28, END, 29, END], [29, END, 28, END])
    assert windows.answers(np.array([0, 0])) == 8


def test_what_is_too_long_is_left_out_and_said_never_cut(tmp_path: Path) -> None:
    """The line says how many, of how many, and which is the longest; where nothing is left, the run is refused."""
    source = written(tmp_path / "a.jsonl", ("what is 4+3?", "7"), ("shift ABCDEFGHIJ" * 9, "x"), ("what is 1+1?", "2"))
    said: list[str] = []
    windows = Windows(ensure(source, MODEL, 16, tmp_path / "cache", said.append))
    assert windows.index.conversations == 2
    assert said[-1].startswith(
        "data: 1 of 3 conversations are left out because they are longer than contextLength 16; the longest, line 2,"
    )
    with pytest.raises(Refusal, match=r"all 3 conversations are longer than contextLength 8.*: raise contextLength"):
        ensure(source, MODEL, 8, tmp_path / "cache")
    (tmp_path / "empty.jsonl").touch()
    with pytest.raises(Refusal, match="teaches nothing, it is empty"):
        ensure(str(tmp_path / "empty.jsonl"), MODEL, 16, tmp_path / "cache")


def test_windows_are_made_anew_for_other_rows_another_context_or_another_template(tmp_path: Path) -> None:
    """The same again is found without a word; elsewhere the same rows have the same digest."""
    source, said = written(tmp_path / "a.jsonl", ("what is 4+3?", "7")), []
    first = ensure(source, MODEL, 16, tmp_path / "cache", said.append)
    words = len(said)
    assert ensure(f"file://{source}", MODEL, 16, tmp_path / "cache", said.append) == first
    assert len(said) == words
    others = [ensure(source, MODEL, 24, tmp_path / "cache")]
    template = (MODEL / "chat_template.jinja").read_text()
    others.append(ensure(source, speech(tmp_path / "m", chat_template_dot_jinja="{# another #}" + template), 16, tmp_path / "cache"))
    elsewhere = ensure(source, MODEL, 16, tmp_path / "other")
    assert Windows(elsewhere).index.digest == Windows(first).index.digest
    others.append(ensure(written(tmp_path / "a.jsonl", ("what is 4+3?", "8")), MODEL, 16, tmp_path / "cache"))
    assert len({first, *others}) == 4


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("tokenizer_dot_json", "{}", "has no tokenizer.json that can be read"),
        ("tokenizer_config_dot_json", "", "has no tokenizer_config.json that can be read"),
        ("tokenizer_config_dot_json", "{}", "has no eos_token in tokenizer_config.json"),
        ("chat_template_dot_jinja", "", "has no chat_template.jinja: take a model that was made for conversations"),
        ("chat_template_dot_jinja", "{% for %}", "has a chat template that jinja does not understand"),
        ("chat_template_dot_jinja", "{{ raise_exception('no system') }}", "line 1, messages: the chat template refuses it (no system)"),
        ("chat_template_dot_jinja", "{{ messages | length }}", "line 1, messages: the chat template writes down a question otherwise"),
    ],
)
def test_a_model_that_cannot_write_down_conversations_is_refused(tmp_path: Path, name: str, text: str, line: str) -> None:
    """One line names what is wrong with its folder, or which conversation its template does not take."""
    source = written(tmp_path / "a.jsonl", ("what is 4+3?", "7"))
    with pytest.raises(Refusal) as refused:
        ensure(source, speech(tmp_path / "model", **{name: text}), 16, tmp_path / "cache")
    assert line in str(refused.value)
    assert "\n" not in str(refused.value)


def test_older_models_have_their_template_elsewhere_and_marks_around_answers(tmp_path: Path) -> None:
    """A template in tokenizer_config.json, by name, with generation marks, gives the same tokens as the plain one."""
    template = (MODEL / "chat_template.jinja").read_text()
    marked = template.replace("{{ '<|' +", "{% generation %}{{ '<|' +", 1).replace(
        "message['content'] }}", "message['content'] }}{% endgeneration %}", 1
    )
    config = json.loads((MODEL / "tokenizer_config.json").read_text())
    config |= {"eos_token": {"content": "<|eos|>", "lstrip": False}, "chat_template": [{"name": "default", "template": marked}]}
    folder = speech(tmp_path / "m", chat_template_dot_jinja="", tokenizer_config_dot_json=json.dumps(config))
    messages = (Message(role="user", content="what is 4+3?"), Message(role="assistant", content="7"))
    assert Speech(folder).spoken(messages).tokens.tolist() == Speech(MODEL).spoken(messages).tokens.tolist()


def test_no_torch_is_loaded(tmp_path: Path) -> None:
    """The agent prepares data, and never loads what its ranks need."""
    program = "import sys; from pathlib import Path; from tandem_trainer.data.conversations.prepare import ensure\n"
    program += "ensure(sys.argv[1], Path(sys.argv[2]), 64, Path(sys.argv[3]))\nassert not {'torch', 'transformers'} & set(sys.modules)"
    command = [sys.executable, "-c", program, str(EXAMPLES / "lessons.jsonl"), str(MODEL), str(tmp_path / "cache")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "400 conversations of" in done.stdout
