"""What is not seen, told from what is seen of its like: a cell speaks for itself as far as it is to be believed, else the cell around it.

Questions lie in cells, cells in wider cells, and so on up to the whole. The less was seen of a cell, the more it leans on the one around
it (credibility: Bühlmann 1967, in layers Jewell 1975). How much cells differ from each other is
itself estimated from what was seen (DerSimonian and Laird 1986), so that likeness is found and not taken for granted.

Letters of shapes: N questions, C cells of a layer, P cells of the layer around.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ids = npt.NDArray[np.int64]

_IMAGINED = 2  # questions that differ as much as any do: what was always the same so far need not be so for ever (Agresti and Coull 1998)
_LIKENESS = 2.0  # before anything is known, the narrowest cells of one cell differ half as much as its questions do
_HARDLY = 1.0  # differences beyond chance that are granted to them, on top of those that were seen


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Filled:
    """Values of all questions.

    Attributes:
        values_N: What was seen, or what is expected where nothing was.
        error: Standard error of their mean, for these questions: 0 when all were seen.
    """

    values_N: Floats
    error: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Layer:
    """Cells of one width.

    Attributes:
        around_C: The cell around each, in the layer before.
        mean_C: Of what was seen; 0 where nothing was.
        variance_C: How far that may be off; infinite where nothing was seen.
        between: Variance of the cells' true means within the cell around them.
    """

    around_C: Ids
    mean_C: Floats
    variance_C: Floats
    between: float

    @property
    def belief_C(self) -> Floats:
        """How far each speaks for itself, 0 to 1."""
        return self.between / (self.between + self.variance_C)


def filled(values_N: Floats, layers: Sequence[Sequence[Hashable]], *, spread: float) -> Filled:
    """Values of all questions, and how sure their mean is.

    Args:
        values_N: What was seen, NaN where nothing was; some was.
        layers: A key for each question, the widest cells first; chance alone says what is seen within a cell of the last one.
        spread: Variance that a question may have that is like no other. All but the narrowest cells are held to differ so much, since
            which of them were looked at was no matter of chance.
    """
    seen_N = np.isfinite(values_N)
    if not spread or seen_N.all():
        return Filled(values_N=np.where(seen_N, values_N, values_N[seen_N].mean()), error=0.0)
    cells = _nested(layers, len(values_N))
    within, every = _layers(np.where(seen_N, values_N, 0.0), seen_N, cells, spread)
    best_C = np.array([_around(every[0])[0][0]])
    for layer in every:
        best_C = layer.belief_C * layer.mean_C + (1 - layer.belief_C) * best_C[layer.around_C]
    return Filled(values_N=np.where(seen_N, values_N, best_C[cells[-1]]), error=_error(every, cells[-1], seen_N, within))


def _nested(layers: Sequence[Sequence[Hashable]], questions: int) -> list[Ids]:
    """For each layer, the whole first: the cell of each question."""
    cells = [np.zeros(questions, np.int64)]
    for keys in layers:
        ids: dict[tuple[int, Hashable], int] = {}
        cells.append(np.array([ids.setdefault(pair, len(ids)) for pair in zip(cells[-1].tolist(), keys, strict=True)], np.int64))
    return cells


def _layers(values_N: Floats, seen_N: npt.NDArray[np.bool_], cells: Sequence[Ids], spread: float) -> tuple[float, list[_Layer]]:
    """Variance of questions within a narrowest cell, and the layers without the whole, the widest first."""
    narrow_N = cells[-1]
    seen_C = np.bincount(narrow_N, seen_N)
    mean_C = np.bincount(narrow_N, values_N) / np.maximum(seen_C, 1)
    apart = float((((values_N - mean_C[narrow_N]) ** 2) * seen_N).sum())
    within = (apart + _IMAGINED * spread) / (float(np.maximum(seen_C - 1, 0).sum()) + _IMAGINED)
    variance_C = _inverse(seen_C / within)
    every: list[_Layer] = []
    for wide_N, cell_N in zip(cells[-2::-1], cells[:0:-1], strict=True):
        around_C = np.zeros(len(mean_C), np.int64)
        around_C[cell_N] = wide_N
        between = _between(mean_C, variance_C, around_C, within)
        layer = _Layer(around_C=around_C, mean_C=mean_C, variance_C=variance_C, between=max(between, spread) if every else between)
        every.insert(0, layer)
        mean_C, variance_C = _around(layer)
    return within, every


def _between(mean_C: Floats, variance_C: Floats, around_C: Ids, within: float) -> float:
    """How much cells differ within the cell around them, beyond what chance does to what was seen (DerSimonian and Laird)."""
    weight_C = 1 / variance_C
    weight_P, sum_P, squares_P = (np.bincount(around_C, each) for each in (weight_C, weight_C * mean_C, weight_C**2))
    known_P = np.where(weight_P > 0, weight_P, 1.0)
    found = float((weight_C * (mean_C - (sum_P / known_P)[around_C]) ** 2).sum())
    chance = float(np.maximum(np.bincount(around_C, weight_C > 0) - 1, 0).sum())
    return (max(found - chance, 0.0) + _HARDLY) / (float((weight_P - squares_P / known_P).sum()) + _LIKENESS / within)


def _around(layer: _Layer) -> tuple[Floats, Floats]:
    """Means of the cells around, each of their cells counting by how sure it is of it, and how far those may be off."""
    weight_C = 1 / (layer.variance_C + layer.between)
    weight_P = np.bincount(layer.around_C, weight_C)
    mean_P = np.bincount(layer.around_C, weight_C * layer.mean_C) / np.where(weight_P > 0, weight_P, 1.0)
    return mean_P, _inverse(np.asarray(weight_P, np.float64))


def _error(every: Sequence[_Layer], cell_N: Ids, seen_N: npt.NDArray[np.bool_], within: float) -> float:
    """From layer to layer: what each cell may be off counts by the part of all questions that lean on it."""
    questions = len(seen_N)
    part_C = np.bincount(cell_N, ~seen_N) / questions
    square = within * float((~seen_N).sum()) / questions**2
    for layer in reversed(every):
        doubt_C = 1 - layer.belief_C
        square += float((part_C**2 * doubt_C).sum()) * layer.between
        part_C = np.bincount(layer.around_C, part_C * doubt_C)
    return float(np.sqrt(square + part_C[0] ** 2 * _around(every[0])[1][0]))


def _inverse(weights: Floats) -> Floats:
    """The variance that a weight stands for; infinite for none."""
    return np.where(weights > 0, 1 / np.where(weights > 0, weights, 1.0), np.inf)
