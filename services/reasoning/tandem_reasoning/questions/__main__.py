"""`python -m tandem_reasoning.questions SOURCE`: can this question set be used? How many questions it holds, or a line for each mistake.

A coordinator reads a set in the same way, so what is found good here is not refused there.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from tandem_reasoning.complaint import BAD
from tandem_reasoning.questions.line import USUAL, Fields
from tandem_reasoning.questions.mistakes import QuestionsError
from tandem_reasoning.questions.reading import questions


def main(argv: Sequence[str] | None = None) -> int:
    """Say what is found; 2 when the set cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m tandem_reasoning.questions", description="Check a question set.")
    parser.add_argument("source", help="a path, file:// or s3:// address of a file of JSON lines")
    for name in ("id", "question", "answer", "kind"):
        parser.add_argument(f"--{name}-field", default=getattr(USUAL, name), help="%(default)s when left out")
    parser.add_argument("--limit", type=int, help="only so many questions, from the first on")
    asked = parser.parse_args(argv)
    fields = Fields(id=asked.id_field, question=asked.question_field, answer=asked.answer_field, kind=asked.kind_field)
    try:
        found = sum(1 for _ in questions(asked.source, os.environ, fields=fields, limit=asked.limit))
    except QuestionsError as error:
        sys.stdout.writelines(f"{mistake}\n" for mistake in error.mistakes)
        return BAD
    sys.stdout.write(f"{asked.source}: {found:,} questions\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
