"""A run that cannot be accepted is left alone until somebody edits it: in virtual time, with all that looks at runs."""

import asyncio
from typing import Any

import pytest
from kubernetes.aio.client.configuration import Configuration
from tandem_operator.api.reading.run_file import from_object
from tandem_operator.api.status import RunStatus
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.cluster.apply import Applying
from tandem_operator.cluster.deeds.starting import Starting
from tandem_operator.cluster.known.world import World
from tandem_operator.cluster.kube.client import Kube
from tandem_operator.cluster.kube.informer import Key
from tandem_operator.cluster.kube.limiter import Limiter
from tandem_operator.cluster.settings import CurrentSite, Settings
from tandem_operator.cluster.shell import Shell
from tandem_operator.cluster.shown.accounts import Accounts
from tandem_operator.cluster.turns.queue import Queue
from tandem_operator.plan import acceptance

from tests.operator.cluster.clients import in_virtual_time
from tests.operator.cluster.runs import SPEC
from tests.operator.cluster.told import KEY, NOW, run

REFUSED = {**SPEC, "checkpoint": {"uri": "file:///kept/run"}}  # a pod's own disk, which goes with it
DAY_S = 86_400


class Scene:
    """An operator's eyes and hands; the API server that it would write to is not there."""

    def __init__(self) -> None:
        settings, kube = Settings(), Kube(Configuration(host="http://127.0.0.1:1"), Limiter(1, 1), lambda _: None, lambda: None)
        self.queue, self.wrote, self.looked = Queue(lambda: 0.0), list[str](), list[Key]()
        self.world = World(self.queue.add, self.queue.add_untold, lambda: NOW)
        starting = Starting(kube, self.world, CurrentSite(settings), made_pod=lambda _: None, wrote=self.wrote.append)
        applying = Applying(kube, self.world, starting, self.wrote.append, lambda *_: None)
        accounts, site = Accounts(lambda _: None), settings.site()
        self.shell = Shell(self.world, self.queue, lambda: NOW, applying=applying, site=site, heard=lambda _: None, accounts=accounts)

    async def look(self, key: Key) -> None:
        self.looked.append(key)
        await self.shell.look(key)


def refused(version: int, **spec: Any) -> dict[str, Any]:
    """A run as it stands once it was said what is wrong with it."""
    found = run(version, **REFUSED, **spec)
    found["metadata"]["generation"] = 1
    read = from_object(found)
    assert isinstance(read, TrainingRun)
    problems = acceptance.problems(read, acceptance.Place(checkpoint_uri=None, trainer_image="i"))
    assert problems
    status = acceptance.refused(RunStatus(), problems, generation=1, now=NOW)
    return {**found, "status": status.model_dump(mode="json", by_alias=True, exclude_none=True)}


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TANDEM_OPERATOR_CHECKPOINT_URI", raising=False)


def test_a_run_that_is_not_accepted() -> None:
    """One look, for the operator that has just come; in a whole day nothing is looked at or written again. An edit is due at once."""

    async def story() -> None:
        scene = Scene()
        working = asyncio.ensure_future(scene.queue.work(scene.look))
        scene.world.put_run(refused(1))
        await asyncio.sleep(DAY_S)
        assert scene.looked == [KEY]
        assert (scene.wrote, scene.shell.failed_looks) == ([], 0)
        assert (scene.queue.depth, scene.queue.wishes) == (0, 0), "nor will it be"
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        scene.world.put_run(refused(2, deadline="1h"))
        assert scene.queue.depth == 1

    in_virtual_time(story())
