"""Several releases in one cluster: each run has one operator, whatever is installed, and who only stands by says so."""

import asyncio
from collections.abc import AsyncGenerator, Callable

import pytest
from tandem_operator.cluster.known.machines import Machines
from tandem_operator.cluster.known.neighbours import OF_ONE, Neighbours
from tandem_operator.cluster.known.world import World
from tandem_operator.cluster.kube.informer import Key
from tandem_operator.cluster.news.resync import Resync
from tandem_operator.cluster.paths import TRAINING_RUN

from tests.operator.cluster.api import Api, Object
from tests.operator.cluster.operators import Operator
from tests.operator.cluster.runs import Run, eventually
from tests.operator.cluster.test_process import asked
from tests.operator.cluster.test_refusals import BUDGETS
from tests.operator.cluster.test_waits import NOW
from tests.parts.running import free_port

Operators = Callable[..., Operator]


@pytest.mark.usefixtures("kubelets")
def test_two_releases_that_watch_the_same(api: Api, namespace: str, operators: Operators) -> None:
    """The second does nothing, is not ready, and names the first and what to do; a stand-in of the first is ready; then it takes over."""
    ports = {name: free_port() for name in ("b", "c")}
    listen = {name: {"identity": name, "probes_listen": f"127.0.0.1:{port}"} for name, port in ports.items()}
    first = operators(identity="a", release="team-a/one").start()
    eventually("the first to act", lambda: "a acts" in first.last_words())
    other, standby = operators(**listen["b"], release="team-b/two").start(), operators(**listen["c"], release="team-a/one").start()
    said = f"release team-a/one cares for these runs already: its a holds Lease {namespace}/tandem-operator."
    eventually("the other to say so", lambda: said in asked(ports["b"], "/readyz")[1], other.last_words)
    assert asked(ports["b"], "/readyz")[0] == 503
    assert asked(ports["b"], "/healthz")[0] == 200, "it need not be started anew"
    eventually("the stand-in to be ready", lambda: asked(ports["c"], "/readyz")[0] == 200)
    Run(api, namespace, "one").create().until(phase="Running")
    assert other.last_words().count(said) == 1
    standby.stop()
    first.stop()
    Run(api, namespace, "two").create().until(phase="Running")
    assert asked(ports["b"], "/readyz")[0] == 200


@pytest.mark.usefixtures("kubelets")
def test_an_operator_of_all_leaves_a_namespace_to_one_of_its_own(api: Api, namespace: str, operators: Operators) -> None:
    """It lets go of the runs there while that one is at work, and cares for them, and what holds their workers, once it is gone."""
    everywhere = operators(identity="all", namespace="", release="tandem/tandem").start()
    one = Run(api, namespace, "one").create()
    one.until(phase="Running")
    eventually("its workers to be held", lambda: _held(one) == 1)
    own = operators(identity="own", release="team-a/one").start()
    eventually("its runs to be left to it", lambda: f"the runs of {namespace} are left to own of team-a/one" in everywhere.last_words())
    eventually("it to begin", lambda: "own cares for the runs" in own.last_words())
    Run(api, namespace, "two").create().until(phase="Running")
    eventually("it to tell of it", lambda: f"{namespace}/two: Accepted" in own.last_words(), own.last_words)
    assert f"{namespace}/two" not in everywhere.last_words()
    own.stop()
    one.edit(suspend=True)  # the first that is seen of it then is that its workers may go
    Run(api, namespace, "three").create().until(phase="Running")
    eventually("it to tell of it", lambda: f"{namespace}/three: Accepted" in everywhere.last_words(), everywhere.last_words)
    eventually("its workers to be let go", lambda: _held(one) == 0, lambda: _held(one))
    everywhere.stop()  # and gives back its Lease, which others would wait for


def _held(run: Run) -> int | None:
    """How many workers must stay, by the run's disruption budget; None without one."""
    budgets = run.api.items(BUDGETS.format(run.namespace))
    return next((each["spec"]["minAvailable"] for each in budgets if run.name in each["metadata"]["name"]), None)


def test_a_neighbour_that_died_is_missed() -> None:
    """Its Lease says nothing of that: it was not renewed for twice its length, by our own clock."""
    now, turned = 0.0, list[str]()
    world = with_a_run(lambda key: turned.append(key[1]))
    neighbours = Neighbours((world,), lambda: now, came_back=lambda _: None)
    neighbours.put(lease("7"))
    assert world.run(("n", "r")) is None
    now = 29.0
    neighbours.put(lease("7"))
    neighbours.look()
    assert world.run(("n", "r")) is None
    now = 31.0
    neighbours.look()
    assert world.run(("n", "r"))
    neighbours.put(lease("7"))
    assert world.run(("n", "r")), "a Lease that nobody renews is taken for one again"
    assert turned == ["r", "r", "r"]
    neighbours.drop(("n", OF_ONE))
    neighbours.put(lease("7"))
    assert world.run(("n", "r")) is None, "what was known of a Lease that is gone is remembered"


def test_a_neighbour_that_is_started_anew_is_not_missed() -> None:
    """It gives its Lease back and takes it again; only who stays away that long, or whose Lease is deleted, has let go of the runs."""
    now = 0.0
    world = with_a_run(lambda _: None)
    neighbours = Neighbours((world,), lambda: now, came_back=lambda _: None)
    neighbours.put(lease("8", holder=""))
    assert world.run(("n", "r")), "nobody had it"
    for at, version, holder in ((1.0, "9", "own"), (2.0, "10", ""), (31.0, "11", "own"), (32.0, "12", "")):
        now = at
        neighbours.put(lease(version, holder))
        neighbours.look()
        assert world.run(("n", "r")) is None
    now = 63.0
    neighbours.look()
    assert world.run(("n", "r"))
    neighbours.put(lease("13"))
    neighbours.drop(("n", OF_ONE))
    assert world.run(("n", "r"))


def test_runs_that_are_left_to_others_are_compared_like_any() -> None:
    """The watch has told of them, so it is not behind, and this operator is well."""
    world = with_a_run(lambda _: None)
    world.leave("n")

    async def compared() -> tuple[Key, ...]:
        resync = Resync(Listed(world), world, TRAINING_RUN, "")  # type: ignore[arg-type]
        for _ in range(2):
            await resync.compare()
        return resync.behind

    assert asyncio.run(compared()) == ()


class Listed:
    """A server that lists the runs of a world as they are, and is asked for nothing else."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def pages(self, *_: object, **__: object) -> AsyncGenerator[Object]:
        runs = [{"metadata": {"namespace": n, "name": r, "resourceVersion": f"{run.version}"}} for (n, r), run in self._world.runs()]
        yield {"metadata": {"resourceVersion": "100"}, "items": runs}


def with_a_run(changed: Callable[[Key], None]) -> World:
    """A world with run r in namespace n; `changed` is told of news for it."""
    world = World(changed, lambda _: None, lambda: NOW, machines=Machines(told=True))
    world.put_run({"metadata": {"namespace": "n", "name": "r", "uid": "u", "resourceVersion": "1", "generation": 1}, "spec": {}})
    return world


def lease(version: str, holder: str = "own") -> Object:
    """The Lease of an operator that watches namespace n."""
    return {"metadata": {"namespace": "n", "name": OF_ONE, "resourceVersion": version}, "spec": {"holderIdentity": holder}}
