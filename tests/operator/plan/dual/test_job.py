"""What the operator tells a coordinator is what the coordinator understands: the contract of two packages that never meet."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from tandem_operator.api.answering import RoutingPolicy
from tandem_operator.plan.dual import environment
from tandem_operator.plan.dual.job import Reached, job
from tandem_operator.plan.dual.slots import engines_of, slots
from tandem_reasoning.coordinator.job import Job
from tandem_reasoning.coordinator.settings import Settings

from tests.operator.plan.dual.runs import T0, dual

REACHED = {
    "cloud": Reached(urls=("https://api.example.com/v1",), key_variable="CLOUD_KEY"),
    "local": Reached(urls=("http://127.0.0.1:1/v1", "http://127.0.0.1:2/v1")),
}
POLICIES = tuple(RoutingPolicy)


def test_the_coordinator_reads_what_the_run_says() -> None:
    """Lanes, prices, limits, thinking, routing and money arrive as they were written."""
    thinking = {"maxTokens": 16, "temperature": 0.5, "adaptive": False, "margin": 3, "bare": True, "callSeconds": 9.0}
    run = dual(budget={"usd": 5.25}, maxSteps=1, thinking=thinking, routing={"policy": "Random", "cloudShare": 0.25}, hedge=False)
    told = Job.model_validate_json(job(run, REACHED))
    cloud, local = told.lanes
    assert (told.run_uid, told.name, told.hedge) == ("5f0c", "pair", False)
    assert (told.budget_usd, told.on_exhausted) == (Decimal("5.25"), "LocalOnly")
    assert (cloud.key_variable, cloud.requests_per_minute, cloud.tokens_per_minute, cloud.max_in_flight) == ("CLOUD_KEY", 600, 100_000, 24)
    assert (cloud.usd_per_million_input_tokens, cloud.usd_per_hour) == (Decimal("0.1"), Decimal("0.5"))
    assert (local.urls, local.model, local.usd_per_million_output_tokens) == (REACHED["local"].urls, "models/local", 0)
    assert told.thinking.model_dump(by_alias=True) == {"maxSteps": 1, **thinking}
    assert (told.routing.policy, told.routing.cloud_share) == ("Random", 0.25)
    assert len(told.experts) == 8


def test_what_a_run_does_not_say_is_what_a_coordinator_does_by_itself() -> None:
    """The defaults of both sides are one; what is said arrives."""
    usual = Job.model_validate(
        {"runUid": "u", "name": "n", "lanes": [{"name": "l", "kind": "Local", "urls": ["u"], "model": "m"}], "experts": [{"name": "e"}]}
    )
    told = Job.model_validate_json(job(dual(memory={}), REACHED))
    own = {"run_uid", "name", "lanes", "experts"}
    assert told.model_dump(exclude=own) == usual.model_dump(exclude=own)
    said = Job.model_validate_json(job(dual(tries=2, leaseSeconds=90.0, memory={"topK": 3, "holdOut": 0.2}), REACHED))
    assert (said.tries, said.lease_seconds, said.memory.top_k, said.memory.hold_out) == (2, 90.0, 3, 0.2)


def test_the_end_of_its_time_reaches_a_coordinator() -> None:
    """As a moment, counted from the first attempt; one that has not begun has none yet."""
    run = dual(deadline="2h")
    begun = run.model_copy(update={"status": run.status.model_copy(update={"started_at": T0})})
    assert Job.model_validate_json(job(run, REACHED)).ends_at is None
    assert Job.model_validate_json(job(begun, REACHED)).ends_at == T0 + timedelta(hours=2)


@pytest.mark.parametrize("policy", POLICIES)
def test_every_policy_is_known_to_the_coordinator(policy: RoutingPolicy) -> None:
    """What a run file may ask for, the coordinator can do."""
    assert Job.model_validate_json(job(dual(routing={"policy": policy.value}), REACHED)).routing.policy == policy.value


@pytest.mark.parametrize(
    "spec",
    [{}, {"questions": {"source": "s3://b/q.jsonl", "limit": 5}}, {"memory": {"namespace": "shared"}}, {"checkpoint": {"uri": "s3://b/p"}}],
)
def test_the_settings_of_the_coordinator_are_its_own(spec: dict[str, Any]) -> None:
    """Each variable is the name of a setting."""
    prefix = "TANDEM_COORDINATOR_"
    names = {name.removeprefix(prefix).lower() for name in environment.coordinator(dual(**spec))}
    assert names <= set(Settings.model_fields)


def test_parts_come_in_the_order_of_their_start() -> None:
    """Memory where it is wanted and not offered, an engine for each instance, one coordinator, workers."""
    run = dual(memory={}, workers=3)
    names = [slot.name for slot in slots(run)]
    assert names == ["memory-0", "engine-0", "engine-1", "coordinator-0", "worker-0", "worker-1", "worker-2"]
    assert engines_of(run, "local") == ("engine-0", "engine-1")
    assert slots(run, memory_offered=True) == slots(dual(workers=3)) == slots(dual(memory={"address": "memory:7433"}, workers=3))


def test_workers_take_as_many_questions_as_lanes_take_calls() -> None:
    """32 calls at once, spread over the workers."""
    assert [environment.at_once(dual(workers=workers)) for workers in (1, 2, 5, 64)] == [32, 16, 7, 1]
