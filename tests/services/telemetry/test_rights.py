"""A namespace is the boundary."""

from collections.abc import Callable

import grpc
import pytest
from tandem.telemetry.v1.telemetry_pb2 import Source
from tandem_rpc import Caller, Refused
from tandem_telemetry.rights import Rights
from tandem_telemetry.settings import Settings

OPERATOR = Caller(identity="system:serviceaccount:tandem:tandem-operator", namespace="tandem")
WORKER = Caller(identity="system:serviceaccount:team:default", namespace="team")
PERSON = Caller(identity="somebody")
RIGHTS = Rights({OPERATOR.identity}, told_apart=True)


def refused(call: Callable[[], None]) -> tuple[grpc.StatusCode, str, str]:
    with pytest.raises(Refused) as caught:
        call()
    return caught.value.code, caught.value.field, caught.value.message


def test_a_worker_reports_of_its_own_namespace() -> None:
    """Whichever run of it; others are refused with the field, and what would be right."""
    RIGHTS.check_report(WORKER, Source(namespace="team", run="a"))
    for namespace in ("other", "team-2", ""):
        code, field, message = refused(lambda n=namespace: RIGHTS.check_report(WORKER, Source(namespace=n, run="a")))
        assert (code, field) == (grpc.StatusCode.PERMISSION_DENIED, "report.source.namespace")
        assert message.endswith("report of runs in team")


@pytest.mark.parametrize("who", [PERSON, OPERATOR])
def test_who_is_no_worker_of_the_namespace_reports_nothing_of_it(who: Caller) -> None:
    """Not even an operator, which sees everything."""
    for namespace in ("team", ""):
        assert refused(lambda n=namespace: RIGHTS.check_report(who, Source(namespace=n, run="a")))[0] is grpc.StatusCode.PERMISSION_DENIED


def test_everybody_sees_their_own_namespace_and_operators_all() -> None:
    """All namespaces at once are for operators alone."""
    for namespace in ("", "team", "other"):
        RIGHTS.check_look(OPERATOR, namespace)
    RIGHTS.check_look(WORKER, "team")
    for who, namespace in ((WORKER, ""), (WORKER, "other"), (PERSON, ""), (PERSON, "team")):
        code, field, message = refused(lambda w=who, n=namespace: RIGHTS.check_look(w, n))
        assert (code, field) == (grpc.StatusCode.PERMISSION_DENIED, "namespace")
        assert who.identity in message


def test_where_callers_are_not_told_apart_all_may_do_everything() -> None:
    """One machine, one token file: the door is the boundary."""
    Rights().check_report(None, Source(namespace="anywhere", run="a"))
    Rights().check_look(None, "")


def test_where_they_are_nobody_comes_without_a_name() -> None:
    """A call that was let in unnamed is a defect of ours, and gets nothing."""
    with pytest.raises(AssertionError):
        RIGHTS.check_report(None, Source(namespace="team", run="a"))
    with pytest.raises(AssertionError):
        RIGHTS.check_look(None, "team")


def test_operators_are_named_in_one_line() -> None:
    """Commas in between, blanks around them do not matter, and none is nobody."""
    assert Settings(operators=f"{OPERATOR.identity}, x ,").rights == Rights(frozenset({OPERATOR.identity, "x"}))
    assert Settings(token_review=True).rights == Rights(frozenset(), told_apart=True)
