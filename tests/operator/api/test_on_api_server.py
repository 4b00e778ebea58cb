"""What a real API server says of runs: it takes our definitions, and refuses what we refuse, in our words."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings

from tests.cluster.cluster import Cluster
from tests.operator.api.damage import WRITTEN, damaged
from tests.operator.api.drawn import runs
from tests.operator.api.mistakes import BEYOND, GOOD, MISTAKES, SPEC, TWICE, Mistake
from tests.operator.api.reading import problems, run_with
from tests.operator.cluster.api import RUNS, Api, RefusedError

Refusals = Callable[[dict[str, Any]], list[tuple[str, str]]]
"""The field and the sentence of each refusal of a run that is handed in."""


@pytest.fixture(scope="module")
def api(api_cluster: Cluster, root: Any) -> Api:
    """A server that knows TrainingRun, as the chart brings it."""
    definition = root / "charts/tandem/crds/tandem.dev_trainingruns.yaml"
    api_cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", definition)
    api_cluster.kubectl("wait", "--for=condition=Established", "--timeout=300s", "-f", definition)
    return Api(api_cluster.kubeconfig)


@pytest.fixture(scope="module")
def refusals(api: Api) -> Refusals:
    def asked(run: dict[str, Any]) -> list[tuple[str, str]]:
        try:
            api.create(f"{RUNS.format('default')}?dryRun=All&fieldValidation=Strict", run)
        except RefusedError as refused:
            told = json.loads(str(refused).partition(": ")[2])
            causes = told.get("details", {}).get("causes") or [{"field": "", "message": told["message"]}]
            return [(cause.get("field", ""), cause["message"]) for cause in causes]
        return []

    return asked


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: f"{mistake.field} {mistake.said[:24]}")
def test_it_says_our_sentence(refusals: Refusals, mistake: Mistake) -> None:
    """One line for one mistake, with the value and the fix."""
    ((field, said),) = refusals(run_with(mistake.whole))
    assert mistake.said in said
    assert f"spec.{mistake.field}".startswith(field.removesuffix("[0]"))


@pytest.mark.parametrize("mistake", TWICE, ids=lambda mistake: mistake.field)
def test_it_refuses_what_is_there_twice(refusals: Refusals, mistake: Mistake) -> None:
    """It says which."""
    ((_, said),) = refusals(run_with(mistake.whole))
    assert f"{mistake.said.split()[0]} is there twice" in said


@pytest.mark.parametrize("spec", GOOD, ids=lambda spec: str(spec)[:40])
def test_it_takes_what_is_meant_as_it_is_written(refusals: Refusals, spec: dict[str, Any]) -> None:
    """The same as we take."""
    assert refusals(run_with({**SPEC, **spec})) == []


@pytest.mark.parametrize("spec", BEYOND, ids=lambda spec: str(spec)[:40])
def test_it_never_says_how_a_rule_failed(refusals: Refusals, spec: dict[str, Any]) -> None:
    """No modulus by zero and no overflow: what is said is the limit of a field."""
    said = refusals(run_with({**SPEC, **spec}))
    assert len(said) == len(problems(run_with({**SPEC, **spec}))), said
    assert all(re.search("is too (small|large): write", sentence) for _, sentence in said), said


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(run=runs)
def test_it_accepts_the_same_runs(refusals: Refusals, run: dict[str, Any]) -> None:
    """What is read here is kept there, and the other way round."""
    here, there = problems(run), refusals(run)
    assert bool(here) == bool(there), (here, there)
    assert not any("evaluating rule" in said for _, said in there), there


@settings(max_examples=150, deadline=None)
@given(spec=damaged(WRITTEN, most=1))
def test_it_refuses_the_same_damage(refusals: Refusals, spec: dict[str, Any]) -> None:
    """One thing written over in a good run is refused by both, or by none."""
    here, there = problems(run_with(spec)), refusals(run_with(spec))
    assert bool(here) == bool(there), (here, there)
    assert not any("evaluating rule" in said for _, said in there), there


def test_it_compares_the_data_that_counts_for_a_phase(api: Api) -> None:
    """Before the first attempt it may be mended; after that a phase whose new data leaves out what the run's own says is refused."""
    path = RUNS.format("default")
    run = run_with({**SPEC, "data": {"tokenizer": "/t.json", "seed": 7}})
    edited = {"spec": {"phases": [{**SPEC["phases"][0], "data": {"source": "/x"}}]}}
    api.create(path, run)
    api.patch(f"{path}/a?dryRun=All", edited)
    api.patch(f"{path}/a/status", {"status": {"attempt": 1}})
    with pytest.raises(RefusedError) as refused:
        api.patch(f"{path}/a", edited)
    for said in (
        'tokenizer of phase one: \\"/t.json\\" cannot become \\"bytes\\": the tokens that',
        "seed of phase one: 7 cannot become 0: the order",
    ):
        assert said in str(refused.value)
    edited["spec"]["phases"][0]["data"] |= {"tokenizer": "/t.json", "seed": 7}
    api.patch(f"{path}/a", edited)
    api.delete(f"{path}/a")


def test_what_is_stored_may_stay(api: Api, api_cluster: Cluster, root: Any) -> None:
    """A run from before a rule can still be suspended; what is wrong with it cannot be written anew."""
    definition = root / "charts/tandem/crds/tandem.dev_trainingruns.yaml"
    space = api_cluster.new_namespace("ratchet")
    path = RUNS.format(space)
    bare = _without_rules(definition.read_text())
    api_cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=bare)
    old = {**SPEC, "pod": {"env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]}}
    api_cluster.wait_until("the rules to be gone", lambda: not _refused(api, path, run_with(old)))
    api.create(path, run_with(old))
    api_cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", definition)
    api_cluster.wait_until("the rules to be back", lambda: _refused(api, path, run_with(old, "b")))
    assert api.patch(f"{path}/a", {"spec": {"suspend": True}})["spec"]["suspend"] is True
    with pytest.raises(RefusedError, match="is there twice"):
        api.patch(f"{path}/a", {"spec": {"pod": {"cpu": 1}}})
    assert "env" not in api.patch(f"{path}/a", {"spec": {"pod": {"env": None}}})["spec"]["pod"]
    api_cluster.kubectl("delete", "namespace", space, "--wait=false")


def _without_rules(definition: str) -> str:
    """The definition as it was before there was any rule."""

    def bare(node: Any) -> Any:
        if isinstance(node, dict):
            return {key: bare(value) for key, value in node.items() if key != "x-kubernetes-validations"}
        return [bare(value) for value in node] if isinstance(node, list) else node

    return yaml.safe_dump(bare(yaml.safe_load(definition)))


def _refused(api: Api, path: str, run: dict[str, Any]) -> bool:
    try:
        api.create(f"{path}?dryRun=All", run)
    except RefusedError:
        return True
    return False
