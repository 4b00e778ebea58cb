"""A small chat model learns a new kind of question, from the first look at its rows to a folder that answers."""

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tandem_trainer import export
from tandem_trainer.data.conversations.prepare import ensure
from tandem_trainer.data.conversations.windows import Windows
from tandem_trainer.job import Phase
from tandem_trainer.models.chat import ChatModel
from tandem_trainer.rank.feed import ConversationFeed
from tandem_trainer.rank.world import World
from tandem_trainer.refusal import Refusal

from tests.trainer_image.deepspeed.saved import load
from tests.trainer_image.worker.agents import Worker, ended, until

pytestmark = pytest.mark.slow
EXAMPLES = Path(__file__).parents[2] / "manifests/examples"
MODEL, LESSONS = EXAMPLES / "models/local", EXAMPLES / "lessons.jsonl"
STEPS, TURNS = 100, 5
SPEC = {
    "trainer": {
        "kind": "deepspeed",
        "zeroStage": 1,
        "microBatchSize": 4,
        "precision": "fp32",
        "model": {"pretrained": str(MODEL)},
        "optimizer": {"weightDecay": 0.0},
    },
    "phases": [{"name": "a", "steps": STEPS, "contextLength": 128, "batchSize": 8, "learningRate": 2e-3, "data": {"source": str(LESSONS)}}],
}


def worker(folder: Path) -> Worker:
    folder.mkdir()
    made = Worker(folder)
    made.spec = {**SPEC, "checkpoint": {"uri": made.uri, "everySteps": 20}}
    return made


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Worker:
    """A run that was left alone until its end."""
    made = worker(tmp_path_factory.mktemp("taught") / "run")
    code, printed = made.run(None)
    assert code == 0, printed
    return made


@pytest.fixture(scope="module")
def exported(taught: Worker, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that comes of it."""
    out = tmp_path_factory.mktemp("exported") / "model"
    assert export.main(["--pretrained", str(MODEL), "--checkpoints", str(taught.folder / "kept"), "--out", str(out)]) == 0
    return out


def answers(folder: Path, questions: list[str]) -> Iterator[str]:
    """What the model in a folder says to each question, loaded as any program would."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModelForCausalLM.from_pretrained(folder)
    for question in questions:
        said: Any = [{"role": "user", "content": question}]
        asked = tokenizer.apply_chat_template(said, add_generation_prompt=True, return_tensors="pt")["input_ids"]
        made = model.generate(asked, max_new_tokens=8, do_sample=False)
        yield tokenizer.decode(made[0, asked.shape[1] :], skip_special_tokens=True)


def test_the_exported_model_answers_what_it_was_taught(exported: Path) -> None:
    """Words that no lesson had are shifted by the model that comes out, and by none of its weights before; only it is changed."""
    asked = [json.loads(line) for line in (EXAMPLES / "questions/checkable.jsonl").read_text().splitlines()]
    asked = [each for each in asked if each["kind"] == "shift"]
    assert not {each["question"] for each in asked} & {json.loads(line)["messages"][0]["content"] for line in LESSONS.open()}
    questions, right = [each["question"] for each in asked], [each["answer"] for each in asked]
    now, before = (sum(map(str.__eq__, answers(folder, questions), right)) for folder in (exported, MODEL))
    assert now > 0.9 * len(asked) > 0.1 * len(asked) > before
    for name in ("tokenizer.json", "chat_template.jinja", "generation_config.json"):
        assert (exported / name).read_bytes() == (MODEL / name).read_bytes()
    assert not (exported / "skills.json").exists()


def killed_in_the_midst(folder: Path) -> Worker:
    """One that was killed before its last step; where this test is so slow that it was done first, another one is."""
    for turn in range(TURNS):
        made = worker(folder / f"run-{turn}")
        process = made.start(None)
        until(process, "checkpoint of step 20")
        process.kill()
        ended(process)
        if max(made.steps()) < STEPS:
            return made
    pytest.fail(f"{TURNS} times it was done before it was killed: give it more steps")


def test_a_killed_run_ends_with_the_same_weights(taught: Worker, tmp_path: Path) -> None:
    """Kill -9 of agent and ranks after a checkpoint; the next attempt ends where the undisturbed run did, bit for bit."""
    killed = killed_in_the_midst(tmp_path)
    assert 20 <= killed.kept() < STEPS
    code, printed = killed.run(None)
    assert code == 0, printed
    assert 0 < killed.steps().count(STEPS) == 1
    whole, again = load(taught.folder / "kept"), load(killed.folder / "kept")
    assert whole.keys() == again.keys()
    assert all(np.array_equal(whole[name], again[name]) for name in whole)


def test_a_mistake_in_the_rows_ends_the_run_with_a_line(tmp_path: Path) -> None:
    """Exit code 93 and the line, field and fix in the last words; nothing was trained."""
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"messages": [{"role": "user", "content": "shift ABC"}]}\n')
    refused = worker(tmp_path / "run")
    phase: dict[str, Any] = {**SPEC["phases"][0], "data": {"source": str(rows)}}  # type: ignore[dict-item]
    refused.spec = {**refused.spec, "phases": [phase]}
    assert refused.run(None)[0] == 93
    assert refused.last_words()[1].startswith(f"data.source: {rows} line 1, messages: ")


def test_export_says_what_is_in_the_way(taught: Worker, exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No checkpoint, a folder that is there, a model of another shape: one line each, and nothing is made."""
    kept, out = str(taught.folder / "kept"), tmp_path / "out"
    (tmp_path / "none").mkdir()
    mistakes = {
        ("--pretrained", str(MODEL), "--checkpoints", str(tmp_path / "none"), "--out", str(out)): "--checkpoints: ",
        ("--pretrained", str(MODEL), "--checkpoints", kept, "--out", str(exported)): "--out: ",
        ("--pretrained", str(EXAMPLES / "models/cloud"), "--checkpoints", kept, "--out", str(out)): "tensor ",
        ("--pretrained", str(tmp_path), "--checkpoints", kept, "--out", str(out)): "trainer.model.pretrained: ",
    }
    for arguments, line in mistakes.items():
        assert export.main(arguments) == 93
        assert capsys.readouterr().err.splitlines()[-1].startswith(line)
    assert not list(tmp_path.glob("*out*"))


@pytest.fixture(scope="module")
def windows(tmp_path_factory: pytest.TempPathFactory) -> Windows:
    return Windows(ensure(str(LESSONS), MODEL, 64, tmp_path_factory.mktemp("cache")))


def loss(model: ChatModel, feed: ConversationFeed) -> tuple[float, int]:
    """Sum over the micro-batches of a step, and their number."""
    with torch.no_grad():
        parts = [model(*micro_batch).item() for micro_batch in feed.micro_batches(0)]
    return sum(parts), len(parts)


def test_sharing_windows_and_steps_changes_nothing(windows: Windows) -> None:
    """The loss of a step is the mean over the tokens of its answers, each seen alone, on any number of ranks and micro-batches."""
    model, phase = ChatModel(MODEL, windows.index.vocabulary), Phase(name="a", steps=1, context_length=64, batch_size=8)
    one = ConversationFeed(windows, phase, 0, 8, World())
    means = []
    for shares in ([one], [ConversationFeed(windows, phase, 0, 2, World(rank=rank, size=2)) for rank in range(2)]):
        sums = [loss(model, feed) for feed in shares]
        means.append(sum(total for total, _ in sums) / sum(count for _, count in sums))
    ((tokens, places, weights),) = one.micro_batches(0)
    alone: list[float] = []
    for row, where, weight in zip(tokens, places, weights, strict=True):
        starts = [*torch.flatten(torch.nonzero(where == 0)).tolist(), len(row)]
        for start, end in pairwise(starts):
            logits = model.model(input_ids=row[None, start:end]).logits[0, :-1]
            losses = torch.nn.functional.cross_entropy(logits, row[start + 1 : end], reduction="none")
            alone += losses[weight[start + 1 : end] > 0].tolist()
    assert means == pytest.approx([sum(alone) / len(alone)] * 2, rel=1e-4)


def test_a_model_that_knows_too_few_tokens_is_refused() -> None:
    """Its embeddings would be read beyond their end."""
    with pytest.raises(Refusal, match=r"knows 768 tokens, its tokenizer 769: take both from one place"):
        ChatModel(MODEL, 769)
