"""The same records and questions for everybody. Needs numpy alone, since peers run in an environment without us.

Vectors look like those of sentences: topics within themes, most of the spread in few directions, all of length 1. Searches among
all of them, among one source of ten, and among the best hundredth by score; and among the better half alone, once the others are removed.
"""

import os
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np

SOURCES, BEST, HALF, K = 10, 0.99, 0.5, 10
FILTERS = ("all", "source", "best")  # everything, a tenth, a hundredth
LEFT = "left"  # everything that is there when the worse half is removed
_QUERIES, _THEMES, _TOPICS, _DIRECTIONS = 1000, 50, 400, 80
_SAID = (
    "answer batch branch cluster energy expert field gradient lane layer lease loss matrix memory merge metric node norm phase plan pod "
    "proof proxy question queue rank replica retry scale schedule shard signal slice slot step strategy token trainer vector wait worker"
)
_WORDS = _SAID.split()


@dataclass(frozen=True)
class Workload:
    """Files in a folder, and what is in them.

    Attributes:
        folder: Where they are.
    """

    folder: Path

    @classmethod
    def made(cls, folder: Path, records: int, dimensions: int) -> "Workload":
        """Make up so many records, and have them on the disk: or the kernel writes them down half a minute later, under who is measured."""
        random = np.random.default_rng(17)
        vectors = _vectors(random, records + _QUERIES, dimensions)
        np.save(folder / "vectors.npy", vectors[:records])
        np.save(folder / "queries.npy", vectors[records:])
        np.save(folder / "sources.npy", random.integers(0, SOURCES, records))
        np.save(folder / "scores.npy", random.random(records))
        work = cls(folder)
        for name in (*FILTERS, LEFT):
            np.save(folder / f"nearest-{name}.npy", work.exactly(name, work.queries[:200]))
        for path in folder.iterdir():
            with path.open("rb") as file:
                os.fsync(file)
        return work

    def _load(self, name: str) -> Any:
        return np.load(self.folder / f"{name}.npy", mmap_mode="r")

    @cached_property
    def vectors(self) -> Any:
        """Shape (records, dimensions), float32."""
        return self._load("vectors")

    @cached_property
    def queries(self) -> Any:
        """Of the same kind, and none of them."""
        return self._load("queries")

    @cached_property
    def sources(self) -> Any:
        """Of each record, 0 to 9."""
        return self._load("sources")

    @cached_property
    def scores(self) -> Any:
        """Of each record, 0 to 1."""
        return self._load("scores")

    def nearest(self, name: str) -> Any:
        """The K truly nearest to each of the first queries among those that a filter admits."""
        return self._load(f"nearest-{name}")

    def admitted(self, name: str) -> Any:
        """Numbers of the records that a filter admits."""
        masks = {"source": lambda: self.sources == 3, "best": lambda: self.scores >= BEST, LEFT: lambda: self.scores > HALF}
        return np.flatnonzero(masks[name]()) if name in masks else np.arange(len(self.vectors))

    def exactly(self, name: str, queries: Any) -> Any:
        """The K nearest to each query among those that a filter admits, by multiplying all."""
        there = self.admitted(name)
        rows, found = self.vectors[there], []
        for at in range(0, len(queries), 50):
            cosines = queries[at : at + 50] @ rows.T
            best = np.argpartition(-cosines, min(K, len(there)) - 1, axis=1)[:, :K]
            order = np.argsort(-np.take_along_axis(cosines, best, 1), axis=1)
            found.append(there[np.take_along_axis(best, order, 1)])
        return np.concatenate(found)


def text(number: int) -> str:
    """About 430 characters: a question and its answer."""
    question, answer = _words(number & 1023)
    return f"Q{number}: {question} A: {answer}"


@cache
def _words(kind: int) -> tuple[str, str]:
    """Made once: to make them up takes longer than to send them."""
    said = [_WORDS[each] for each in np.random.default_rng(kind).integers(0, len(_WORDS), 65)]
    return " ".join(said[:30]), " ".join(said[30:])


def recall(found: Any, nearest: Any) -> float:
    """Part of the truly nearest that was found."""
    return float(np.mean([len({*map(int, one)} & {*map(int, other)}) / len(other) for one, other in zip(found, nearest, strict=True)]))


def _vectors(random: np.random.Generator, count: int, dimensions: int) -> Any:
    decline = np.arange(1, dimensions + 1) ** -0.5
    decline *= np.sqrt(dimensions) / np.linalg.norm(decline)
    themes = random.standard_normal((_THEMES, dimensions)) * decline
    theme_of = random.integers(0, _THEMES, _TOPICS)
    topics = 0.8 * themes[theme_of] + 0.5 * random.standard_normal((_TOPICS, dimensions)) * decline
    directions = random.standard_normal((_THEMES, _DIRECTIONS, dimensions)) / np.sqrt(_DIRECTIONS)
    vectors = np.empty((count, dimensions), np.float32)
    topic = random.integers(0, _TOPICS, count)
    for theme in range(_THEMES):
        own = np.flatnonzero(theme_of[topic] == theme)
        for at in range(0, len(own), 10_000):
            part = own[at : at + 10_000]
            spread = random.standard_normal((len(part), _DIRECTIONS)) @ directions[theme]
            vectors[part] = topics[topic[part]] + spread + 0.3 * random.standard_normal((len(part), dimensions))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
