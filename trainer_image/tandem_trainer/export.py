"""A model that went on learning, out of a run's checkpoints into a folder that others can serve: `python -m tandem_trainer.export`.

The weights are the fp32 masters of the newest checkpoint that can be read, in the number format of the model that the run began with;
configuration, tokenizer and chat template are that model's. So the folder is what transformers, vLLM and llama.cpp's
converter expect. It appears under its name only when it is complete.
"""

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tandem_objects import ObjectError, Store, open_store
from tandem_objects.durable import sync_folder

from tandem_trainer.checkpoint.errors import CheckpointError, Corrupted
from tandem_trainer.checkpoint.manifest import Manifest
from tandem_trainer.checkpoint.reader import Reader, newest
from tandem_trainer.checkpoint.slices import Want
from tandem_trainer.exit_codes import DO_NOT_RESTART
from tandem_trainer.models.chat import ChatModel
from tandem_trainer.refusal import Refusal
from tandem_trainer.tensors import MASTER, bytes_of, dtype_name, dtype_of

_FORMATS = ("float32", "bfloat16", "float16")
# What a model's folder has beside its weights and config.json; anything else, such as a card, is said of the old model.
_ITS_SPEECH = (
    "tokenizer*",
    "chat_template*",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.*",
    "merges.txt",
    "generation_config*",
)


def export(pretrained: Path, store: Store, out: Path, *, number_format: str | None = None) -> Manifest:
    """Write the folder `out`; the manifest of the checkpoint that it was made of.

    Args:
        pretrained: The folder that the run began with.
        store: Where the run's checkpoints are.
        out: A folder that is not there yet.
        number_format: Of the weights; that of `pretrained`'s configuration when left out.

    Raises:
        Refusal: when there is no checkpoint, or something is in the way.
        CheckpointError: when checkpoint and model do not belong together, or the store does not answer.
    """
    if out.exists():
        message = f"--out: {out} is there already: name a folder that is not"
        raise Refusal(message)
    module = ChatModel(pretrained, vocabulary=0)
    wanted = number_format or dtype_name(module.number_format)
    manifest = _fill(module, store)
    out.parent.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        module.model.to(dtype_of(wanted)).save_pretrained(building)
        _copy_speech(pretrained, building)
        building.chmod(0o755)  # made private, as is what safetensors writes; a model is for whoever serves it
        for path in building.iterdir():
            path.chmod(0o644)
            with path.open("rb") as file:
                os.fsync(file.fileno())
        sync_folder(building)
        building.rename(out)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return manifest


def _fill(module: ChatModel, store: Store) -> Manifest:
    """Give the model its weights back, from the newest checkpoint that is whole."""
    passed_over: list[str] = []
    while (manifest := newest(store, skip=passed_over).manifest) is not None:
        reader = Reader(store, manifest)
        wants: list[Want] = []
        for name, weight in module.named_parameters():
            reader.check(f"{name}/{MASTER}", tuple(weight.shape), dtype_name(weight.dtype))
            wants.append(Want(tensor=f"{name}/{MASTER}", start=0, out=bytes_of(weight)))
        try:
            reader.fill(wants)
        except Corrupted as error:
            _say(f"checkpoint passed over: {error}")
            passed_over.append(manifest.key)
        else:
            return manifest
    message = f"--checkpoints: {store.uri} holds no checkpoint that can be read: name the place where the run keeps its own"
    raise Refusal(message)


def _copy_speech(source: Path, target: Path) -> None:
    for pattern in _ITS_SPEECH:
        for path in source.glob(pattern):
            shutil.copyfile(path, target / path.name)


def main(arguments: Sequence[str] | None = None) -> int:
    """The folder on standard output; which step of which run it is, or one line for a mistake, on standard error."""
    parser = argparse.ArgumentParser(prog="python -m tandem_trainer.export", description="Make a model to serve out of checkpoints.")
    parser.add_argument("--pretrained", type=Path, required=True, help="the folder that the run began with")
    parser.add_argument("--checkpoints", required=True, help="where the run keeps its checkpoints: a folder, file:// or s3:// address")
    parser.add_argument("--out", type=Path, required=True, help="folder to make; it must not be there yet")
    parser.add_argument("--dtype", choices=_FORMATS, help="number format of the weights (default: that of the model it began with)")
    chosen = parser.parse_args(arguments)
    uri = chosen.checkpoints if "://" in chosen.checkpoints else Path(chosen.checkpoints).absolute().as_uri()
    try:
        manifest = export(chosen.pretrained, open_store(uri, os.environ), chosen.out, number_format=chosen.dtype)
    except (Refusal, ObjectError, CheckpointError) as error:
        _say(str(error))
        return DO_NOT_RESTART
    loss = "" if manifest.loss is None else f", loss {manifest.loss:.4f}"
    _say(f"step {manifest.step} of run {manifest.run}{loss}")
    sys.stdout.write(f"{chosen.out}\n")
    return 0


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    raise SystemExit(main())
