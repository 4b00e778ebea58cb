"""Where `tandem` begins: Ctrl-C ends it without a word, also while the command line itself is still being imported."""

import signal
import sys


def main() -> None:
    """Run the command line, and end with its exit code; on the way out Ctrl-C changes nothing any more."""
    try:
        try:
            from .command_line import begin

            begin()
        finally:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the second may have come before the line above
        from .exits import Exit

        sys.exit(Exit.DETACHED)
