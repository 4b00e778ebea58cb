"""What others are told of a run: people by its events, the shared memory by what waits in the outbox."""

from dataclasses import dataclass

from tandem_reasoning.ledger.draft import Draft, written


@dataclass(frozen=True, slots=True, kw_only=True)
class Tell:
    """Write an event down, once.

    Attributes:
        key: Names the transition, as in "budget/80" or "lane/cloud/throttled/3": told again, nothing happens.
        kind: What sort of event it is, in CamelCase.
        message: One line for a person.
    """

    key: str
    kind: str
    message: str

    def apply(self, draft: Draft) -> bool:
        """Whether it is new."""
        statement = "INSERT INTO event (key, at, kind, message) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
        return draft.run(statement, self.key, draft.now, self.kind, written(self.message)) == 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """Take out of the outbox what the memory has; its key stays known, so that it is not put in again."""

    numbers: tuple[int, ...]

    def apply(self, draft: Draft) -> None:
        """Keep the keys alone."""
        for number in self.numbers:
            draft.run("UPDATE outbox SET record = NULL WHERE number = ? AND record IS NOT NULL", number)
