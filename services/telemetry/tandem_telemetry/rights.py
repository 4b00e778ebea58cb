"""Who may say and see what: a namespace is the boundary, as it is everywhere in Kubernetes.

Workers report of runs in their own namespace and see those; shells that are named in TANDEM_TELEMETRY_OPERATORS see all.
Where callers are not told apart, one machine or one shared token, everybody who was let in may do everything.
"""

from collections.abc import Collection
from dataclasses import dataclass

import grpc
from tandem.telemetry.v1.telemetry_pb2 import Source
from tandem_rpc import Caller, Refused

_REPORTED, _ASKED = "report.source.namespace", "namespace"  # paths of the fields, as the wire has them


@dataclass(frozen=True, slots=True)
class Rights:
    """What callers may do.

    Attributes:
        operators: The identities that may see every namespace.
        told_apart: Whether every caller is known by name; if so, none may come without.
    """

    operators: Collection[str] = ()
    told_apart: bool = False

    def check_report(self, who: Caller | None, source: Source) -> None:
        """Let `who` report of `source`.

        Raises:
            Refused: PERMISSION_DENIED when it is not theirs to report of.
        """
        assert who is not None or not self.told_apart
        if who is not None and (not who.namespace or source.namespace != who.namespace):
            allowed = f"report of runs in {who.namespace}" if who.namespace else "send the token of a worker's service account"
            raise _denied(_REPORTED, source.namespace, who, allowed)

    def check_look(self, who: Caller | None, namespace: str) -> None:
        """Let `who` see the runs of `namespace`, all when it is empty.

        Raises:
            Refused: PERMISSION_DENIED when they may see less.
        """
        assert who is not None or not self.told_apart
        if who is None or who.identity in self.operators or (who.namespace and namespace == who.namespace):
            return
        allowed = f"ask for {who.namespace}, or be" if who.namespace else "be"
        raise _denied(_ASKED, namespace, who, f"{allowed} one of TANDEM_TELEMETRY_OPERATORS")


def _denied(field: str, namespace: str, who: Caller, allowed: str) -> Refused:
    asked = repr(namespace[:80]) if namespace or field == _REPORTED else "every namespace"
    return Refused(grpc.StatusCode.PERMISSION_DENIED, f"{field}: {asked} is not for {who.identity}; {allowed}", field=field)
