"""Where `tandem` begins: Ctrl-C ends it without a word, also while the command line itself is still being imported."""

import sys


def main() -> None:
    """Run the command line, and end with its exit code."""
    try:
        from .command_line import begin

        begin()
    except KeyboardInterrupt:
        from .exits import Exit

        sys.exit(Exit.DETACHED)
