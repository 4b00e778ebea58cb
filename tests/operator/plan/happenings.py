"""What can happen to a run, its workers and its shell: the raw material of random worlds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.plan.values import SeenNode, Tier, Waiting

from .world import Killed, Room, World, run_of

_ROOMS = (
    Room(),
    Room(workers=0, others=Waiting(tier=Tier.QUOTA, message="no quota")),
    Room(workers=1),
    Room(workers=4, others=Waiting(tier=Tier.NODE)),
    Room(spot=0),
    Room(workers=1, spot=0, others=Waiting(tier=Tier.MISCONFIGURED, message="no such label")),
)
_SLOW = (None, None, None, *(Waiting(tier=tier, placed=True) for tier in (Tier.START, Tier.IMAGE, Tier.MISCONFIGURED)))
NODES = (SeenNode(name="n0", usd_per_hour=Decimal(36)), SeenNode(name="n1"))


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happens: what, to whom, how long after the last thing, and what becomes of the shell that looks next."""

    what: str
    which: int = 0
    after_s: int = 0
    killed: Killed = Killed.NEVER


def happen(world: World, it: Happening) -> None:
    """Let time pass, and let it happen if there is anybody that it can happen to."""
    world.wait(timedelta(seconds=it.after_s))
    known, live = list(world.workers), [worker.name for worker in world.live()]
    if it.what in TO_ANYBODY and known:
        TO_ANYBODY[it.what](world, known[it.which % len(known)], it.which)
    elif it.what in TO_THE_LIVING and live:
        TO_THE_LIVING[it.what](world, live[it.which % len(live)], it.which)
    elif it.what in TO_THE_RUN:
        TO_THE_RUN[it.what](world, it.which)


def calm(world: World) -> None:
    """Nothing stands in the way of the run any more."""
    for node in NODES:
        world.notice(node.name, None)
        world.cordon(node.name, cordoned=False)
        world.hear(node.name)
    world.make_room(Room())
    world.slow_down(None)
    world.edit(suspend=False, deadline=None, budget={"usd": None})


def _advance(world: World, _: str, steps: int) -> None:
    """Training goes on by some steps; an attempt that begins goes on from the newest checkpoint. Losses may be no number."""
    told = world.report if world.report and world.report.attempt == world.attempt else None
    saved = world.report.checkpoint.step if world.report and world.report.checkpoint else 0
    step = (told.step if told else saved) + steps
    loss = float("nan") if steps % 2 else 2.0
    world.tell(step, resumed_from=None if told else saved, checkpoint=step if steps % 2 else None, loss=loss, tokens_per_second=8e4)


TO_ANYBODY: Mapping[str, Callable[[World, str, int], None]] = {
    "vanish": lambda world, name, _: world.vanish(name),
}
TO_THE_LIVING: Mapping[str, Callable[[World, str, int], None]] = {
    "crash": lambda world, name, which: world.end(name, (1, 75, 2, 93, 134, 137)[which], "no\nluck"),
    "finish": lambda world, name, _: world.end(name, 0),
    "preempt": lambda world, name, _: world.end(name, 143),
    "evict": lambda world, name, _: world.end(name, 137, disrupted=True),
    "disrupt": lambda world, name, _: world.disrupt(name),
    "delete": lambda world, name, _: world.ask(name),
    "report": _advance,
}
TO_THE_RUN: Mapping[str, Callable[[World, int], None]] = {
    "leave": lambda world, which: world.leave((143, 143, 143, 0, 1, 137)[which]),
    "notice": lambda world, which: world.notice(f"n{which % 2}", "going" if which % 3 else None),
    "silence": lambda world, which: world.silence(f"n{which % 2}"),
    "hear": lambda world, which: world.hear(f"n{which % 2}"),
    "cordon": lambda world, which: world.cordon(f"n{which % 2}", cordoned=which % 3 > 0),
    "room": lambda world, which: world.make_room(_ROOMS[which]),
    "slow": lambda world, which: world.slow_down(_SLOW[which]),
    "suspend": lambda world, _: world.edit(suspend=not world.run.spec.suspend),
    "budget": lambda world, which: world.edit(budget={"usd": (None, 0.5, 1, 2, 5, 100)[which], "usdPerWorkerHour": 36}),
    "deadline": lambda world, which: world.edit(deadline=(None, None, "1m", "5m", "1h", "1h")[which]),
    "resize": lambda world, which: world.edit(workers=(1, 2, 3, 6)[which % 4]),
}
EVERYTHING = ("tick", *TO_THE_LIVING, *TO_THE_RUN, *TO_ANYBODY)


def happenings(*whats: str, killed: st.SearchStrategy[Killed] | None = None) -> st.SearchStrategy[list[Happening]]:
    """Up to fifty of these, in any order: a few, which are easily read when they break a law, or many, which come further."""
    kills = st.just(Killed.NEVER) if killed is None else killed
    one = st.builds(Happening, st.sampled_from(whats), st.integers(0, 5), st.integers(0, 40), kills)
    return st.one_of(st.lists(one, max_size=50), st.lists(one, min_size=20, max_size=50))


def _budget(usd: float, then: str) -> dict[str, Any]:
    return {"usd": usd, "usdPerWorkerHour": 36, "onExhausted": then}


def _restart(failures: int, same: int, first: str) -> dict[str, Any]:
    return {"maxFailures": failures, "maxNoProgress": same, "backoff": {"first": first}}


def _run(workers: int, spec: Mapping[str, Any]) -> TrainingRun:
    """Of up to 6 workers, all but 4 and 5 split a batch of 24 evenly in micro-batches of 4."""
    return run_of(workers=workers, **spec)


anything = happenings(*EVERYTHING, killed=st.one_of(st.just(Killed.NEVER), st.sampled_from(Killed)))
runs = st.builds(
    _run,
    st.sampled_from([1, 2, 3, 6]),
    st.fixed_dictionaries(
        {"restart": st.builds(_restart, st.integers(0, 5), st.integers(1, 5), st.sampled_from(["1s", "7s", "30s"]))},
        optional={
            "budget": st.builds(_budget, st.sampled_from([0.5, 2, 5]), st.sampled_from(["Suspend", "Fail"])),
            "deadline": st.sampled_from(["1m", "10m"]),
            "ttlSecondsAfterFinished": st.sampled_from([0, 60]),
            "suspend": st.booleans(),
            "minWorkers": st.just(1),
            "placement": st.sampled_from(
                [
                    {"shrinkAfter": "5s"},
                    {"shrinkAfter": "1m", "spot": "Require"},
                    {"onDemandAfter": "20s"},
                    {"onDemandAfter": "1m", "shrinkAfter": "0s"},
                    {"spot": "Never"},
                ]
            ),
        },
    ),
)
