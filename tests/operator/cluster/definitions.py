"""The definitions of runs as they might once have been, or might be one day."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from tests.operator.cluster.api import Api, Object, RefusedError
from tests.operator.cluster.runs import Run, eventually

_DEFINITIONS: Final = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{}s.tandem.dev"
_INVALID: Final = 422
_WRONG: Final = {"budget": "much"}  # for every kind of run


@contextmanager
def taking_everything(api: Api, run: type[Run]) -> Iterator[None]:
    """The definition of a kind of run takes whatever stands in a spec, and is as strict as ever afterwards."""
    path = _DEFINITIONS.format(run.kind.lower())
    strict = api.get(path)["spec"]["versions"]
    versions = json.loads(json.dumps(strict))
    anything: Object = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    versions[0]["schema"]["openAPIV3Schema"] = {"type": "object", "properties": {"spec": anything, "status": anything}}
    api.patch(path, {"spec": {"versions": versions}})
    try:
        eventually("the definition to take everything", lambda: _takes_everything(run(api, "default", "tried")) is True)
        yield
    finally:
        api.patch(path, {"spec": {"versions": strict}})
        eventually("the definition to be strict again", lambda: _takes_everything(run(api, "default", "tried")) is False)


def _takes_everything(run: Run) -> bool | None:
    """None where that cannot be told: the server says 404 and 429 while it sets up the storage of a definition that has changed."""
    try:
        run.would_be(**_WRONG)
    except RefusedError as refusal:
        return False if refusal.status == _INVALID else None
    return True
