"""What is wrong with a question set, for the person who wrote it: one line for each mistake, which names its place and its fix."""

from collections.abc import Sequence

MOST = 20
"""So many are told; who made more has a list that is long enough."""


class QuestionsError(Exception):
    """A question set cannot be read as it stands.

    Attributes:
        mistakes: One line each, such as `questions.jsonl:7: field "id": ...; give each question a name of its own`.
    """

    def __init__(self, mistakes: Sequence[str]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(self.mistakes))
