"""The operator is killed again and again while real trainers start, save, rest, are sent away and end: by the runs nobody could tell.

`TANDEM_TEST_ROUNDS=5` makes it a hundred deaths in the lives of twenty runs; and whenever that is set, the API server fails in every way
besides, which takes twice as long. `tests/operator/cluster/test_chaos.py` has as many deaths and faults each time, but plays the machines;
here trainers, kubelets and the end of a process are real.
"""

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.cluster.cluster import Cluster
from tests.cluster.fault_proxy import FaultProxy
from tests.cluster.troubles import missed
from tests.e2e.cluster.installation import Applied, Installation, Tenant
from tests.e2e.cluster.kept import Kept
from tests.e2e.cluster.killed_operator import KilledOperator
from tests.e2e.cluster.stories import ENDED, STORIES, Happening, Scene, Story, provide_program, until
from tests.e2e.cluster.troubled import troubled
from tests.operator.cluster.api import Api
from tests.operator.cluster.chronicle import Chronicle, History

pytestmark = pytest.mark.slow
SEED = 4
_ASKED = os.environ.get("TANDEM_TEST_ROUNDS")
ROUNDS = int(_ASKED or "1")
RUNS, KILLS_A_RUN = (ROUNDS * len(STORIES), 5) if _ASKED else (2, 4)  # the two with the most acts
KILLS = RUNS * KILLS_A_RUN
AT_ONCE = 3  # runs, or two cores would be busy with starting them; and no two of one story, which might want the same node
MOST_KILLS = 20 * KILLS  # a run that gets nowhere is found out; twice as many as are wanted were needed on a busy machine
LONGEST_LIFE_S = 2.0  # of one that gets nothing done; the next may live for longer, or on a slow machine none would ever
MOST_NEWS = 8
PATIENCE_S = 300


@pytest.mark.timeout(1800 * ROUNDS)
def test_real_trainers_do_not_mind_an_operator_that_is_killed(
    proxy: FaultProxy | None,
    chronicle: Chronicle,
    tenant: Tenant,
    small: dict[str, Any],
    *,
    cluster: Cluster,
    record_property: Callable[[str, object], None],
) -> None:
    """From the first run's beginning to the last one's end: each step is done once, no pod is made twice, nothing said is taken back."""
    provide_program(tenant)
    operator = KilledOperator.of(Api(cluster.kubeconfig))
    cluster.wait_until("the first life", operator.acts_since, PATIENCE_S)
    stage = _Stage(chronicle=chronicle, tenant=tenant, small=small)
    began = time.monotonic()
    _kill_until_all_is_over(stage, operator, Random(SEED))
    took_s = time.monotonic() - began
    figure = {"metric": "operator_killed", "unit": "times", "value": stage.kills, "runs": len(stage.runs), "seconds": round(took_s)}
    record_property("figure", json.dumps(figure))
    print(json.dumps(figure))
    assert stage.kills >= KILLS
    cluster.wait_until("the operator to be well", operator.is_ready, PATIENCE_S)
    _all_ended_right(stage.runs)
    history = chronicle.history()
    assert history.created() == {pod for run, story in stage.runs for pod in story.pods(run)}
    assert [*history.breaches(), *_steps_taken_back(history), *_held_while_at_rest(history)] == []
    assert proxy is None or missed(proxy) == set()


@pytest.fixture
def proxy(installation: Installation, tmp_path: Path) -> Iterator[FaultProxy | None]:
    """The operator speaks to an API server that fails, if that is asked for."""
    if not _ASKED:
        yield None
        return
    with troubled(installation, tmp_path, seed=SEED) as proxy:
        yield proxy


def _kill_until_all_is_over(stage: "_Stage", operator: KilledOperator, chance: Random) -> None:
    print(f"seed {SEED}")
    longest_s = LONGEST_LIFE_S
    while not stage.over:
        if stage.kills == MOST_KILLS:
            pytest.fail("\n".join(run.said() for run, _ in stage.runs if stage.scene(run).status.get("phase") not in ENDED))
        version = operator.die()
        stage.kills += 1
        stage.tenant.installation.cluster.wait_until("the next life", partial(_lives_again, stage, operator, version), PATIENCE_S)
        before = len(stage.chronicle.runs.told)
        news = _live_a_little(stage, chance, longest_s)
        longest_s = LONGEST_LIFE_S if len(stage.chronicle.runs.told) > before else 1.5 * longest_s
        print(f"life {stage.kills}: {news} news, {[stage.scene(run).status.get('phase') for run, _ in stage.runs]}", flush=True)


def _lives_again(stage: "_Stage", operator: KilledOperator, version: str) -> bool:
    stage.play()
    return operator.acts_since(version)


def _live_a_little(stage: "_Stage", chance: Random, longest_s: float) -> int:
    """Until so much was told of runs and pods, or for a while: what was about to be written then is not."""
    before, news = stage.told(), chance.randint(1, MOST_NEWS)
    dies_at = time.monotonic() + chance.uniform(0, longest_s)
    while time.monotonic() < dies_at and stage.told() - before < news:
        stage.play()
        time.sleep(0.005)
    return stage.told() - before


@dataclass(slots=True, kw_only=True)
class _Stage:
    """Where the stories are played, by a clock that counts the deaths: some runs begin, and are held, at each hour of it."""

    chronicle: Chronicle
    tenant: Tenant
    small: Mapping[str, Any]
    kills: int = 0
    runs: list[tuple[Applied, Story]] = field(default_factory=list)
    _going_on: list[Happening] = field(init=False)

    def __post_init__(self) -> None:
        self._going_on = [self._life(number, STORIES[number % len(STORIES)]) for number in range(RUNS)]

    @property
    def over(self) -> bool:
        """Whether every run has ended."""
        return not self._going_on

    def play(self) -> None:
        """Let everything go on that can: also while no operator lives."""
        self._going_on = [each for each in self._going_on if next(each, self) is None]

    def scene(self, run: Applied) -> Scene:
        """What is known of a run."""
        return Scene(run=run, chronicle=self.chronicle)

    def told(self) -> int:
        """How much was told so far."""
        return len(self.chronicle.runs.told) + len(self.chronicle.pods.told)

    def _life(self, number: int, story: Story) -> Happening:
        """The last act of the last run comes with the last of the kills, so there is somebody to suffer each of them."""
        last = KILLS_A_RUN * (number + 1)
        yield from until(lambda: self.kills >= last - KILLS_A_RUN * AT_ONCE and self._over(number + 1 - AT_ONCE))
        run = story.begin(self.tenant, self.small)
        self.runs.append((run, story))
        scene = self.scene(run)
        for hold, act, left in zip(story.holds, story.acts, range(len(story.acts) - 1, -1, -1), strict=True):
            due = last - left * KILLS_A_RUN // 2
            yield from until(lambda hold=hold, due=due: scene.saved == hold and self.kills >= due)
            yield from act(scene)
        yield from until(lambda: scene.status.get("phase") in ENDED)

    def _over(self, first: int) -> bool:
        """Whether so many of the first runs have ended."""
        return all(self.scene(run).status.get("phase") in ENDED for run, _ in self.runs[: max(first, 0)])


def _all_ended_right(runs: list[tuple[Applied, Story]]) -> None:
    for run, _ in runs:
        run.wait_for_last_report()
    status = {run.name: run.status for run, _ in runs}
    said = {(run.name, name): status[run.name].get(name, 0) for run, story in runs for name in story.outcome()}
    wanted = {(run.name, name): value for run, story in runs for name, value in story.outcome().items()}
    assert {each: (said[each], value) for each, value in wanted.items() if said[each] != value} == {}, "what it says, and should"
    assert {run.condition("Complete")["status"] for run, _ in runs} == {"True"}
    assert len({each["loss"] for each in status.values()}) == 1, "a step was left out, or done twice"
    for run, story in runs:
        kept = Kept.of(run)
        saved, due = kept.steps(), story.saved()
        assert _ends(saved) == _ends(due)
        assert all(set(saved[attempt]) <= set(due[attempt]) for attempt in due), "a checkpoint at a step at which none was due"
        assert list(kept.attempts().values()) == list(story.saved()), "one claim of the place by each attempt"
        assert kept.written_too_late() == []


def _ends(steps: Mapping[int, list[int]]) -> Mapping[int, int]:
    """Where each attempt ended; a checkpoint that is due on its way is put off while the one before is still being saved."""
    return {attempt: max(saved) for attempt, saved in steps.items()}


def _steps_taken_back(history: History) -> Iterator[str]:
    """No step was lost, so none may ever be taken back."""
    for name in {told.name for told in history.runs}:
        steps = [told.status.get("step", 0) for told in history.runs if told.name == name]
        yield from (f"{name}: step {after} came after {before}" for before, after in pairwise(steps) if after < before)


def _held_while_at_rest(history: History) -> Iterator[str]:
    """What rests has no machine."""
    for told in history.runs:
        if told.status.get("phase") == "Suspended":
            then = {pod.uid: pod for pod in history.pods if pod.version < told.version and pod.labels["tandem.dev/run"] == told.name}
            yield from (f"{told.name} rests at version {told.version}, and {pod.name} lives" for pod in then.values() if pod.live)
