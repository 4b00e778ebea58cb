"""Words that repeat, as small numbers in the order of their first use."""

from collections.abc import Iterable


class Words:
    """Numbers for words. One thread adds; a reader finds a word or does not, and never waits."""

    __slots__ = ("_codes", "_words")

    def __init__(self, words: Iterable[str] = ()) -> None:
        self._words = list(words)
        self._codes = {word: code for code, word in enumerate(self._words)}

    def __len__(self) -> int:
        return len(self._words)

    def code(self, word: str) -> int:
        """The number of `word`, a new one if it has none."""
        known = self._codes.get(word)
        if known is None:
            known = len(self._words)
            self._words.append(word)
            self._codes[word] = known
        return known

    def find(self, word: str) -> int | None:
        """The number of `word`, None if it was never used."""
        return self._codes.get(word)

    def all(self) -> tuple[str, ...]:
        """All words, by number."""
        return tuple(self._words)
