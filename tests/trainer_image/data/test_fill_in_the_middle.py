"""Rearranged windows: the same tokens, in an order that asks for the middle."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tandem_trainer.data.fill_in_the_middle import rearrange
from tandem_trainer.data.tokens import ByteTokenizer

SPECIAL = ByteTokenizer.special
windows = st.lists(st.sampled_from([*range(97, 107), SPECIAL.end]), min_size=1, max_size=120)


def _documents(window: list[int]) -> list[list[int]]:
    parts: list[list[int]] = [[]]
    for token in window:
        parts.append([]) if token == SPECIAL.end else parts[-1].append(token)
    return parts


def _restored(document: list[int]) -> list[int]:
    prefix = document[1 : document.index(SPECIAL.suffix)]
    suffix = document[document.index(SPECIAL.suffix) + 1 : document.index(SPECIAL.middle)]
    return prefix + document[document.index(SPECIAL.middle) + 1 :] + suffix


@given(windows, st.integers(0, 2**40), st.integers(0, 2**31))
def test_every_document_keeps_its_place_length_and_text(window: list[int], sample: int, seed: int) -> None:
    """Put back in order, a document is the old one less its last three tokens; short ones are untouched."""
    changed = np.array([window])
    rearrange(changed, np.array([sample]), rate=1.0, seed=seed, special=SPECIAL)
    before, after = _documents(window), _documents(changed[0].tolist())
    assert [len(document) for document in before] == [len(document) for document in after]
    for old, new in zip(before, after, strict=True):
        assert (_restored(new) == old[:-3]) if len(old) >= 8 else (new == old)


def test_a_sample_is_always_rearranged_in_the_same_way() -> None:
    """What happens depends on seed and sample number, not on the batch it comes in."""
    text = np.tile(np.arange(97, 117), (8, 6))
    together, alone = text.copy(), text[3:4].copy()
    rearrange(together, np.arange(8), rate=0.5, seed=3, special=SPECIAL)
    rearrange(alone, np.array([3]), rate=0.5, seed=3, special=SPECIAL)
    assert (together[3] == alone[0]).all()


def test_the_rate_is_the_share_of_windows_that_change() -> None:
    """0 changes none, 1 all, 0.3 about three in ten."""
    text = np.tile(np.arange(97, 117), (2000, 1))
    share = {}
    for rate in (0.0, 0.3, 1.0):
        changed = text.copy()
        rearrange(changed, np.arange(2000), rate=rate, seed=0, special=SPECIAL)
        share[rate] = (changed != text).any(axis=1).mean()
    assert share[0.0] == 0
    assert share[1.0] == 1
    assert abs(share[0.3] - 0.3) < 0.05
