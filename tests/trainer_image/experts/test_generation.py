"""Text from a trained model: what a plain model with all experts at hand would write, with no more of them on the device than slots."""
# capitals in the names of tensors are their shapes: T tokens, V vocabulary

import os
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest
import torch
from tandem_objects import open_store
from tandem_trainer import disk
from tandem_trainer.data.tokens import ByteTokenizer
from tandem_trainer.experts.generation.reading import Trained, read
from tandem_trainer.experts.generation.sampling import Sampling, choose
from tandem_trainer.experts.generation.writing import spoken, write
from tandem_trainer.experts.sizes import Room, Sizes
from tandem_trainer.experts.train import ExpertsTrainer
from tandem_trainer.job import Run
from tandem_trainer.rank.world import World
from tandem_trainer.refusal import Refusal
from torch import Tensor
from torch.nn import functional

from tests.trainer_image.deepspeed.saved import save
from tests.trainer_image.experts.plain import matrices
from tests.trainer_image.experts.runs import begun, run, shards, steps

__all__ = ["shards"]


@pytest.mark.parametrize("rule", ["responsibility", "local_adam", "hard_equal", "end_to_end"])
def test_logits_are_those_of_a_model_that_has_all_experts_at_hand(rule: str, shards: Path, tmp_path: Path) -> None:
    """Read back into few slots, some shared and one hot: the logits of four texts agree with a plain forward pass to 1e-5."""
    told = run(learningRule=rule, memory={"hotSlots": 1, "expertsPerSlot": 2})
    trainer = _trained(told, shards, tmp_path)
    weights = matrices(trainer._rows, trainer.sizes)
    trained = _read(told, tmp_path)
    assert not trained.mixture.layer.sizes.moments
    for text in ("expert = ", "slot", "router = credit(3)\nw", "x"):
        read_T = torch.tensor([list(text.encode())])
        expected_V = _plain(trainer, weights, read_T)
        assert (trained.mixture.foresee(read_T)[0] - expected_V).abs().max() < 1e-5 * expected_V.abs().max()


def test_the_same_seed_writes_the_same_text(shards: Path, tmp_path: Path) -> None:
    """Drawn twice from one seed it is the same, from another seed another, and without draws the likeliest each time."""
    told = run()
    _trained(told, shards, tmp_path)

    def text(how: Sampling) -> bytes:
        trained = _read(told, tmp_path)
        tokens = write(trained.mixture, b"row = ", trained.tokenizer.special, context=trained.context, how=how)
        return b"".join(spoken(islice(tokens, 40), trained.tokenizer))

    drawn = Sampling(temperature=1.0, seed=3)
    assert text(drawn) == text(drawn) != text(Sampling(temperature=1.0, seed=4))
    assert text(Sampling()) == text(Sampling(seed=9)) == text(Sampling(temperature=1.0, top=1))


def test_only_experts_that_a_token_goes_to_are_moved(shards: Path, tmp_path: Path) -> None:
    """Two rows a token come in and none returns; one that is in a hot slot need not come again, but makes room for a hotter one."""
    for hot in (0, 1):
        told = run(count=64, memory={"hotSlots": hot})
        trained = _written(told, shards, tmp_path / str(hot), tokens=20)
        moved, row = trained.mixture.layer.mover.traffic, trained.mixture.layer.sizes.row_bytes
        assert moved.bytes_out == 0
        assert moved.bytes_in == 40 * row if not hot else row <= moved.bytes_in < 40 * row


def test_the_device_holds_as_much_for_256_experts_as_for_8(shards: Path, tmp_path: Path) -> None:
    """But for the router's keys, a handicap and a mark each."""
    held = []
    for count in (8, 256):
        trained = _written(run(count=count), shards, tmp_path / str(count), tokens=4)
        held.append(trained.device_bytes - count * (4 * (32 + 1) + 1))
    assert held[0] == held[1]


def test_of_experts_with_moments_the_weights_alone_are_read(shards: Path, tmp_path: Path) -> None:
    """Rows of Adam's are three times as long in the checkpoint as they are here."""
    told = run(learningRule="local_adam")
    trainer = _trained(told, shards, tmp_path)
    trained = _read(told, tmp_path)
    assert trained.mixture.layer.sizes == Sizes(count=8, active=2, width=32, inner=32)
    assert trainer.sizes.row > 3 * trained.mixture.layer.sizes.row


def test_nothing_is_kept_for_learning(shards: Path, tmp_path: Path) -> None:
    """A run that keeps activations on its device needs no more of one that only writes than a run that does not."""
    told = run(memory={"keepActivations": True}, innerWidth=1040)  # small experts keep none
    trainer = _trained(told, shards, tmp_path)
    trained = _read(told, tmp_path)
    slots = trained.mixture.layer.mover.slots
    assert slots.kept_WMF.numel() == 0 < trainer.mixture.layer.mover.slots.kept_WMF.numel()
    assert slots.bytes == Room().bytes(trained.mixture.layer.sizes)


def test_a_model_that_cannot_be_had_is_refused_in_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No checkpoint yet, a trainer without experts, more experts than the machine can hold."""
    with pytest.raises(Refusal, match="holds no checkpoint that can be read: train until the first is saved"):
        _read(run(), tmp_path)
    with pytest.raises(Refusal, match="has trainer deepspeed, which keeps no experts"):
        _read(run().model_copy(update={"trainer": run().trainer.model_copy(update={"kind": "deepspeed"})}), tmp_path)
    too_many = r"^trainer\.experts\.mixture\.count: 100,000,000 experts need .* and .*(this machine has|its control group .* allows) "
    with pytest.raises(Refusal, match=too_many):
        _read(run(count=100_000_000, innerWidth=100_000), tmp_path)
    with pytest.raises(Refusal, match=r"^trainer\.experts\.memory: slots for 3,298,534,883,328 experts, .* need .*: take fewer slots"):
        _read(run(memory={"expertsPerSlot": 1 << 40}), tmp_path)
    monkeypatch.setattr(disk, "is_memory", lambda _: False)  # wherever what is temporary lies here
    with pytest.raises(Refusal, match=r"^trainer\.experts\.memory: 3,298,534,883,328 experts on their way to and from the disk need "):
        _read(run(memory={"expertsPerSlot": 1 << 40, "disk": 1 << 30}), tmp_path)


def test_a_draw_from_the_top_is_one_of_them() -> None:
    """Of five tokens the two likeliest are drawn from, by their likelihood at the temperature."""
    logits_V, generator = torch.tensor([0.0, 2.0, 1.0, -1.0, 1.9]), torch.Generator().manual_seed(0)
    drawn = [choose(logits_V, Sampling(temperature=0.1, top=2), generator) for _ in range(400)]
    assert set(drawn) == {1, 4}
    assert 0.65 < drawn.count(1) / 400 < 0.81  # 1 / (1 + exp(-1)) = 0.73


def test_text_comes_as_it_is_written() -> None:
    """A byte each; tokens that stand for no text say nothing."""
    assert list(spoken([104, 105, 258, 33], ByteTokenizer())) == [b"h", b"i", b"!"]


def test_the_process_writes_text_and_says_what_it_took(shards: Path, tmp_path: Path) -> None:
    """Text alone on standard output, the same in the same words; a mistake is one line, and exit code 93."""
    told = run()
    _trained(told, shards, tmp_path)
    first, again = (_process(told, tmp_path, "--tokens=12", "--temperature=1", "--seed=5") for _ in range(2))
    assert (first.returncode, len(first.stdout)) == (0, 12)
    assert first.stdout == again.stdout
    assert b"step 1 of test: 12 tokens in " in first.stderr
    assert b"24 times an expert came to the device" in first.stderr
    empty = _process(told, tmp_path / "empty", "--tokens=12")
    assert (empty.returncode, empty.stdout, empty.stderr.count(b"\n")) == (93, b"", 1)


@pytest.mark.parametrize("damaged", ["chunks", "manifests"])
def test_a_newer_checkpoint_that_is_damaged_is_named_in_a_line(damaged: str, shards: Path, tmp_path: Path) -> None:
    """What is written is written with the one before: that is said, on standard error, and the text stays alone on standard output."""
    told, folder = run(), tmp_path / "kept"
    trainer = _trained(told, shards, folder)
    before = set(folder.rglob("*"))
    steps(trainer, told, 3, 4)
    save(trainer.slices(), folder, World(), step=4)
    for path in set(folder.rglob("*")) - before:
        if path.is_file() and damaged in path.parts:
            path.write_bytes(b"\0" * path.stat().st_size)
    ran = _process(told, folder, "--tokens=4")
    first, *rest = ran.stderr.decode().splitlines()
    assert (ran.returncode, len(ran.stdout)) == (0, 4), ran.stderr
    assert first.startswith("tandem: passed over a checkpoint: ")
    assert "000001-000000000004.json" in first
    assert sum("passed over" in line for line in rest) == 0
    assert "step 1 of test" in rest[-1]


def _process(told: Run, folder: Path, *words: str) -> "subprocess.CompletedProcess[bytes]":
    placed = told.model_copy(update={"checkpoint": told.checkpoint.model_copy(update={"uri": folder.as_uri()})})
    environ = {**os.environ, "TANDEM_JOB": placed.model_dump_json(by_alias=True), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "tandem_trainer.experts.generation", *words]
    return subprocess.run(command, input=b"slot = ", capture_output=True, env=environ, timeout=600, check=False)


def _trained(told: Run, shards: Path, folder: Path) -> ExpertsTrainer:
    """A trainer after three steps, its state saved in `folder`."""
    trainer = begun(told, shards)
    steps(trainer, told, 0, 3)
    save(trainer.slices(), folder, World())
    return trainer


def _read(told: Run, folder: Path) -> Trained:
    return read(told, open_store(folder.as_uri(), {}), torch.device("cpu"))


def _written(told: Run, shards: Path, folder: Path, *, tokens: int) -> Trained:
    """A model read back, after it has written `tokens` tokens."""
    folder.mkdir()
    _trained(told, shards, folder)
    trained = _read(told, folder)
    how = Sampling(temperature=1.0)
    assert len(list(islice(write(trained.mixture, b"slot", trained.tokenizer.special, context=16, how=how), tokens))) == tokens
    return trained


def _plain(trainer: ExpertsTrainer, weights: list[tuple[Tensor, Tensor]], read_T: Tensor) -> Tensor:
    """Logits of what follows, with every expert asked and all but the chosen ones left out."""
    mixture = trainer.mixture
    with torch.no_grad():
        x_D = mixture.shared.transformer.stream(read_T)[0, -1]
        read_D = functional.rms_norm(x_D, x_D.shape)
        keys_ED = mixture.shared.router.row_keys
        scores_E = keys_ED @ read_D
        chosen_K = (scores_E - mixture.handicap_E).topk(2).indices
        weight_K = torch.full((2,), 0.5) if trainer._run.trainer.mixture.learning_rule == "hard_equal" else scores_E[chosen_K].softmax(0)
        answers_ED = torch.stack([functional.gelu(read_D @ first) @ second for first, second in weights])
        head = mixture.shared.transformer.head
        return head.weight @ head.norm(x_D + weight_K @ answers_ED[chosen_K])
