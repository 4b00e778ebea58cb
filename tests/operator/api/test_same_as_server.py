"""Reading a run here and creating it on a cluster accept the same runs, for the same reasons."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from tandem_operator.api.definitions.cel_rules import RULES
from tandem_operator.api.model import ApiModel
from tandem_operator.api.rule import rules_of

from tests.operator.api.api_server import ApiServer
from tests.operator.api.damage import GOOD, WRITTEN, damaged
from tests.operator.api.drawn import runs
from tests.operator.api.reading import problems

BY_NAMED_LISTS = {"phases_have_names_of_their_own", "names_are_unique"}
"""Rules that the server holds by its named lists."""


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(run=runs)
def test_both_accept_the_same_runs(training_runs: ApiServer, run: dict[str, Any]) -> None:
    """A run is refused here if and only if the CRD refuses it."""
    here, there = problems(run), training_runs.refusals(run)
    assert bool(here) == bool(there), (here, there)


@settings(max_examples=600, deadline=None)
@given(spec=damaged(WRITTEN, most=1))
def test_both_refuse_the_same_damage(training_runs: ApiServer, spec: dict[str, Any]) -> None:
    """One thing written over in a good run is refused by both, or by none."""
    run = {"apiVersion": "tandem.dev/v1alpha1", "kind": "TrainingRun", "metadata": {"name": "a"}, "spec": spec}
    here, there = problems(run), training_runs.refusals(run)
    assert bool(here) == bool(there), (here, there)


def test_the_good_run_is_good(training_runs: ApiServer) -> None:
    """Nothing is refused at the very edges: a warm-up as long as its phase, a rank for each card."""
    run = {"apiVersion": "tandem.dev/v1alpha1", "kind": "TrainingRun", "metadata": {"name": "a"}, "spec": GOOD}
    assert problems(run) == ()
    assert training_runs.refusals(run) == []


def test_every_rule_is_written_in_both_languages() -> None:
    """Each rule of a model has its twin in CEL, under the same name, or is held by a named list."""
    for model, in_cel in RULES.items():
        here = set(rules_of(model)) - BY_NAMED_LISTS
        there = {name for name, rule in in_cel.items() if "oldSelf" not in rule.rule and name != "name"}
        assert here == there, model


def test_every_model_with_rules_is_in_the_table() -> None:
    """No model's rules are forgotten: whichever model has some stands in the table."""
    with_rules = {model for model in _models(ApiModel) if set(rules_of(model)) - BY_NAMED_LISTS}
    assert with_rules <= set(RULES)


def _models(model: type[ApiModel]) -> set[type[ApiModel]]:
    return {model, *(found for kind in model.__subclasses__() for found in _models(kind))}
