"""How the commands of this bench take what they are asked: what cannot be used is said in a line, with exit code 2."""

import argparse
from collections.abc import Callable, Generator
from contextlib import contextmanager

from tandem_trainer.refusal import Refusal


def at_least(least: int) -> Callable[[str], int]:
    """Takes whole numbers from `least` on."""

    def taken(said: str) -> int:
        if not said.isdecimal() or int(said) < least:
            message = f"{said!r}: give a whole number of at least {least}"
            raise argparse.ArgumentTypeError(message)
        return int(said)

    return taken


@contextmanager
def refusing(parser: argparse.ArgumentParser) -> Generator[None]:
    """Texts are looked at where they are learned from, and what is wrong with one is said as of any other value."""
    try:
        yield
    except Refusal as error:
        parser.error(str(error))
