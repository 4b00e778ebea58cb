"""Token files: windows of any length, over the edges of files, and nothing read that was not asked for."""

from pathlib import Path

import numpy as np
import pytest
from tandem_trainer.data import shards
from tandem_trainer.data.index import INDEX
from tandem_trainer.data.tokens import Special
from tandem_trainer.refusal import Refusal


def _folder(path: Path, counts: tuple[int, ...], dtype: str = "<u2") -> Path:
    tokens = np.arange(sum(counts), dtype=dtype)
    for number, start in enumerate(np.cumsum([0, *counts[:-1]]).tolist()):
        shards.write(path, number, tokens[start : start + counts[number]])
    index = shards.Index(source="s", tokenizer="bytes", special=Special.following(256), dtype=dtype, counts=counts, documents=1, digest="d")
    (path / INDEX).write_text(index.model_dump_json())
    return path


@pytest.mark.parametrize("dtype", ["<u2", "<u4"])
def test_samples_overlap_by_one_token_and_reach_over_files(tmp_path: Path, dtype: str) -> None:
    """Sample i holds tokens i * T to i * T + T inclusive, wherever the files end."""
    opened = shards.Shards(_folder(tmp_path, (7, 3, 90), dtype))
    assert opened.samples(8) == 12
    read = np.empty((3, 9), dtype=np.int64)
    opened.read(np.array([0, 1, 11]), read)
    assert read.tolist() == [list(range(first, first + 9)) for first in (0, 8, 88)]


def test_a_truncated_file_is_refused_by_name(tmp_path: Path) -> None:
    """One line says which file, its size and what to do."""
    folder = _folder(tmp_path, (7, 3))
    (folder / shards.file_name(1)).write_bytes(b"1234")
    with pytest.raises(Refusal, match=r"00001.tokens has 4 bytes, not 6: remove"):
        shards.Shards(folder)


def test_an_index_of_another_version_is_refused(tmp_path: Path) -> None:
    """A folder written by a later Tandem is not misread."""
    folder = _folder(tmp_path, (9,))
    index = (folder / INDEX).read_text()
    (folder / INDEX).write_text(index.replace('"version":1', '"version":2'))
    with pytest.raises(Refusal, match="version 2"):
        shards.Shards(folder)


def test_large_vocabularies_take_four_bytes() -> None:
    """16 bits hold 65,536 tokens and not one more."""
    assert (shards.dtype_of(65_536), shards.dtype_of(65_537)) == ("<u2", "<u4")
