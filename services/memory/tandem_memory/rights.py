"""Who may do what where: everybody has, in each namespace, the highest right that any grant gives.

Rights contain each other: who may append may read, who is admin may do both, and remove. What is not granted is not allowed.
Where callers are not told apart, one machine or one shared token, everybody who was let in is admin everywhere.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

import grpc
from tandem_rpc import Caller, Refused

_EVERYWHERE = "*"
_SHOWN = 80  # characters of a namespace that are repeated to who asked for it


class Right(IntEnum):
    """What somebody may do, each with all that is below it."""

    READ = 1
    APPEND = 2
    ADMIN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A right, given to whoever has such a name for namespaces of such names; "*" stands for anything, also for nothing.

    Attributes:
        who: Identities, such as "system:serviceaccount:team-a:*" or "token:cloud".
        namespaces: Where.
        may: What.
    """

    who: str
    namespaces: Sequence[str]
    may: Right

    def covers(self, identity: str, namespace: str) -> bool:
        """Whether it says something of `identity` in `namespace`."""
        return matches(self.who, identity) and any(matches(each, namespace) for each in self.namespaces)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """What callers may do.

    Attributes:
        grants: All that was given, whatever the order.
        told_apart: Whether every caller is known by name; if so, none may come without.
    """

    grants: Sequence[Grant] = ()
    told_apart: bool = False

    def highest(self, who: Caller | None, namespace: str) -> Right | None:
        """The right that `who` has in `namespace`; None if none."""
        if who is None:
            assert not self.told_apart
            return Right.ADMIN
        return max((grant.may for grant in self.grants if grant.covers(who.identity, namespace)), default=None)

    def check(self, who: Caller | None, namespace: str, needed: Right) -> None:
        """Let `who` do what `needed` allows in `namespace`.

        Raises:
            Refused: PERMISSION_DENIED, saying who may do what where.
        """
        has = self.highest(who, namespace)
        if who is None or (has is not None and has >= needed):
            return
        may = f"may {_VERBS[has]} there" if has else "may do nothing there"
        wanted = f"has to {_VERBS[needed]}" if needed is not Right.ADMIN else "has to be admin"
        message = f"namespace: {who.identity} {may} and {wanted} in {namespace[:_SHOWN]!r}; ask for a grant in the rights file"
        raise Refused(grpc.StatusCode.PERMISSION_DENIED, message, field="namespace")

    def check_everywhere(self, who: Caller | None) -> None:
        """Let `who` do what concerns all namespaces at once.

        Raises:
            Refused: PERMISSION_DENIED for all but admins of "*".
        """
        if who is None:
            assert not self.told_apart
            return
        if not any(g.may is Right.ADMIN and _EVERYWHERE in g.namespaces and matches(g.who, who.identity) for g in self.grants):
            message = f"{who.identity} is not admin of all namespaces; ask for a grant of admin in '*' in the rights file"
            raise Refused(grpc.StatusCode.PERMISSION_DENIED, message)


_VERBS = {Right.READ: "read", Right.APPEND: "append", Right.ADMIN: "do everything"}


def matches(pattern: str, name: str) -> bool:
    """Whether `name` is such a name; "*" stands for any characters."""
    return _compiled(pattern).fullmatch(name) is not None


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, pattern.split("*"))), re.DOTALL)
