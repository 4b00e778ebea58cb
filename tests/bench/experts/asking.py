"""How a bench is asked: what cannot be measured is refused in one line, with exit code 2."""

import argparse
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

from tandem_trainer.refusal import Refusal

from tests.bench.experts.seeds import T_95

_BAD_INPUT = 2


class Parser(argparse.ArgumentParser):
    """One that says what is wrong, and not how all of it is spelled: `--help` does."""

    def error(self, message: str) -> NoReturn:
        """Leave with it."""
        self.exit(_BAD_INPUT, f"{self.prog}: {message}\n")

    def add_parts(self, parts: Collection[str]) -> None:
        """Parts of the bench, by name; none where none are named. Not by `choices`: argparse holds those against a list that is empty."""
        self.add_argument("parts", nargs="*", type=_one_of(tuple(parts)), metavar="PART", help=", ".join(parts))

    def add_seeds(self) -> None:
        """How many seeds: the mean of one has no interval."""
        self.add_argument("--seeds", type=int, default=3, choices=range(1, max(T_95) + 1))

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """A refusal is a person's mistake here, too."""
        try:
            yield
        except Refusal as error:
            self.error(str(error))


def _one_of(names: Collection[str]) -> Callable[[str], str]:
    def name(word: str) -> str:
        if word not in names:
            message = f"{word!r} is none of {', '.join(names)}"
            raise argparse.ArgumentTypeError(message)
        return word

    return name


def at_least(least: int) -> Callable[[str], int]:
    """A whole number that is not below `least`."""

    def number(word: str) -> int:
        if not word.isdecimal() or int(word) < least:
            message = f"{word!r} is no whole number from {least} on"
            raise argparse.ArgumentTypeError(message)
        return int(word)

    return number


def file(word: str) -> Path:
    """One that is there."""
    if not (path := Path(word)).is_file():
        message = f"{word} is no file: name one that exists"
        raise argparse.ArgumentTypeError(message)
    return path


def folder(word: str) -> Path:
    """One that is there."""
    if not (path := Path(word)).is_dir():
        message = f"{word} is no folder: name one that exists"
        raise argparse.ArgumentTypeError(message)
    return path


def picture(word: str) -> Path:
    """A file to be drawn, in a folder that is there."""
    folder(str(Path(word).parent))
    if (path := Path(word)).is_dir():
        message = f"{word} is a folder: name a file in it"
        raise argparse.ArgumentTypeError(message)
    if find_spec("matplotlib") is None:
        message = "matplotlib is not installed: leave it out"
        raise argparse.ArgumentTypeError(message)
    return path
