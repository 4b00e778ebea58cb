"""The operator's process: wait for the Lease, follow the cluster, look at runs, until SIGTERM or until the Lease is lost.

A lost Lease ends the process: whoever holds it now acts, and this one begins anew as its stand-in.
"""

import asyncio
import gc
import logging
import signal
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Final

from kubernetes.aio import config
from kubernetes.aio.client.configuration import Configuration
from pydantic import ValidationError
from tandem_rpc import RpcSetupError

from tandem_operator.render.manifest import SELECTOR

from . import paths
from .apply import Applying
from .deeds.starting import Starting
from .dual.care import DualCare
from .dual.world import DualWorld
from .known.machines import Machines
from .known.neighbours import Neighbours, lease_of
from .known.remarks import SELECTORS, Remarks
from .known.world import World
from .kube.client import Kube, configuration
from .kube.document import Json
from .kube.informer import Informer, Key
from .kube.lease import Lease
from .kube.limiter import Limiter
from .kube.server_time import ServerTime
from .kube.together import first_over
from .news import watching
from .news.hearing import Hearing
from .news.resync import Resync
from .news.watching import Followed
from .paths import DUAL_RUN, TRAINING_RUN
from .settings import CurrentSite, Settings
from .shell import Shell
from .shown.probes import Probes
from .turns.queue import Queue

_WRONG_SETTINGS: Final = 2
_LEASE_QPS, _LEASE_BURST = 10.0, 20  # a queue of its own: to keep the Lease must never wait for work
_LOOKS_END_S: Final = 10.0  # of the thirty seconds that the chart gives the process to leave
_LAST_WORDS_S: Final = 10.0  # some three thousand events, at the pace of `qps`
_NO_CLUSTER: Final[type[Exception]] = config.ConfigException
_log = logging.getLogger(__name__)


def main() -> int:
    """Run the operator.

    Returns:
        0 when it was asked to stop, 1 when it lost its Lease or fell, 2 when its settings cannot be used.
    """
    try:
        settings = Settings()
    except ValidationError as error:
        return _say([f"TANDEM_OPERATOR_{'_'.join(map(str, e['loc'])).upper()}: {e['input']!r}: {e['msg']}" for e in error.errors()])
    try:
        settings.site()
        settings.key()
    except OSError as error:
        return _say([f"{settings.naming(error.filename)}: {error.filename} cannot be read: {error.strerror}"])
    except ValueError as error:
        return _say([str(error)])
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    logging.getLogger("kopf").setLevel(logging.WARNING)
    try:
        return asyncio.run(_run(settings))
    except (_NO_CLUSTER, RpcSetupError) as error:
        return _say([str(error)])


async def _run(settings: Settings) -> int:
    gc.freeze()  # what was loaded until now stays: the collector need not go through it again and again
    stop = asyncio.Event()
    _on_signals(stop)
    found = await configuration()
    probes, clock = Probes(), asyncio.get_running_loop().time
    time = ServerTime(clock)
    lease_kube = Kube(found, Limiter(_LEASE_QPS, _LEASE_BURST), probes.failed, lambda: None, time=time)
    place = lease_of(settings.namespace)
    lease = Lease(lease_kube, *place, settings.identity, clock, release=settings.release, wrote=partial(probes.wrote, "lease"))
    probes.contends(lease)
    try:
        with probes.served(settings.probes_listen):
            await first_over(stop.wait(), lease.acquire())
            return 0 if stop.is_set() else await _act(settings, found, lease, probes, stop, time=time)
    finally:
        await lease.release()
        await lease_kube.close()


async def _act(settings: Settings, found: Configuration, lease: Lease, probes: Probes, stop: asyncio.Event, *, time: ServerTime) -> int:
    """Care for all runs while the Lease is held."""
    queue = Queue()
    hearing = Hearing(settings, queue.add_progress, queue.add_reached)
    kube = Kube(found, Limiter(settings.qps, settings.burst), probes.failed, lease.check, time=time)
    world = World(queue.add, queue.add_untold, time.now, came=queue.add_new, machines=Machines(told=settings.read_nodes, now=time.now))
    dual_queue = Queue()
    dual_world = DualWorld(dual_queue.add, world.machines)
    informers = {"pods": _pods(kube, settings.namespace, world, dual_world)}
    dual = DualCare(kube, settings, dual_world, dual_queue, time.now, made_pod=informers["pods"].learn, wrote=probes.wrote)
    starting = Starting(kube, world, CurrentSite(settings), made_pod=informers["pods"].learn, wrote=probes.wrote)
    applying = Applying(kube, world, starting, probes.wrote, probes.accounts.recorded)
    neighbours = Neighbours((world, dual_world), asyncio.get_running_loop().time, came_back=applying.holds.distrust)
    if not settings.namespace:
        informers["leases"] = neighbours.follows(kube)
    shell = Shell(world, queue, time.now, applying=applying, site=settings.site(), heard=hearing.newest, accounts=probes.accounts)
    if settings.read_nodes:
        informers["nodes"] = Informer(kube, paths.NODES, world.machines.put, world.machines.drop)
    resync = Resync(kube, world, TRAINING_RUN, settings.namespace)
    probes.acts((queue, dual_queue), (shell, dual.shell), informers, {TRAINING_RUN.plural: resync, DUAL_RUN.plural: dual.resync})
    followed = (
        Followed(kind=TRAINING_RUN, runs=world, listed_anew=resync.listed_anew),
        Followed(kind=DUAL_RUN, runs=dual_world, listed_anew=dual.resync.listed_anew),
    )
    following = (each.follow() for each in (*informers.values(), *_remarked(kube, settings.namespace, world.machines.remarks)))
    working = _work(settings, shell, queue, informers)
    try:
        await first_over(
            _asked_to_stop(stop, queue, dual),
            lease.keep(),
            hearing.follow(),
            resync.run(),
            probes.tick(),
            neighbours.keep_looking(kube),
            applying.telling.tell(),
            applying.holds.follow(settings.namespace, queue.add),
            working,
            dual.work(_known(informers)),
            dual.keep_up(),
            *following,
            watching.follow(watching.registry(found, *followed), settings.namespace, lambda: _on_signals(stop)),
        )
        return 0 if stop.is_set() else 1
    finally:
        await lease.release()  # nothing is written any more that needs it
        await asyncio.gather(applying.telling.last_words(_LAST_WORDS_S), dual.last_words(_LAST_WORDS_S))
        hearing.close()
        await kube.close()


def _pods(kube: Kube, namespace: str, world: World, dual: DualWorld) -> Informer:
    """Follows the pods of all runs; each pod is of one kind of run, and nothing to the other."""

    def put(found: Json) -> None:
        world.put_pod(found)
        dual.put_pod(found)

    def drop(key: Key) -> None:
        world.drop_pod(key)
        dual.drop_pod(key)

    return Informer(kube, paths.pods(namespace), put, drop, SELECTOR)


def _remarked(kube: Kube, namespace: str, remarks: Remarks) -> Iterator[Informer]:
    """Follow what is said of pods. Nobody waits for it, nor counts on it: a run that waits only says more for it."""
    for fields in SELECTORS:
        yield Informer(kube, paths.events(namespace), remarks.put, remarks.drop, fields=fields, bookmarks=False)


async def _known(informers: Mapping[str, Informer]) -> None:
    await asyncio.gather(*(each.synced.wait() for each in informers.values()))


async def _asked_to_stop(stop: asyncio.Event, queue: Queue, dual: DualCare) -> None:
    """Return when the process is to stop, and what it has begun is done: half a plan would wait for whoever comes next."""
    await stop.wait()
    await asyncio.gather(queue.rest(_LOOKS_END_S), dual.rest(_LOOKS_END_S))


async def _work(settings: Settings, shell: Shell, queue: Queue, informers: Mapping[str, Informer]) -> None:
    """Look at runs, from the moment at which all their pods are known."""
    await asyncio.gather(shell.begin(settings.namespace), _known(informers))
    _log.info("%s cares for the runs of %s", settings.identity, settings.namespace or "all namespaces")
    await queue.work(shell.look)


def _on_signals(stop: asyncio.Event) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)


def _say(lines: list[str]) -> int:
    for line in lines:
        sys.stderr.write(f"tandem-operator: {line}\n")
    return _WRONG_SETTINGS
