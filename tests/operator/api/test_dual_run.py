"""A DualRun is read and refused like a TrainingRun, here and by the API server."""

from typing import Any

import pytest
from tandem_operator.api.dual_run import DualRun
from tandem_operator.api.reading.run_file import SpecError, from_object

from tests.operator.api.api_server import ApiServer

CLOUD = {
    "name": "cloud",
    "kind": "Cloud",
    "url": "https://api.hyperbolic.xyz/v1",
    "model": "openai/gpt-oss-20b",
    "apiKeySecret": {"name": "hyperbolic"},
    "price": {"usdPerMillionInputTokens": 0.1, "usdPerMillionOutputTokens": 0.1},
    "limits": {"requestsPerMinute": 600, "maxInFlight": 96},
}
LOCAL = {"name": "local", "kind": "Local", "url": "http://127.0.0.1:1234/v1", "model": "microsoft/phi-4"}
UNREACHED = {key: value for key, value in LOCAL.items() if key != "url"}
UNNAMED = {key: value for key, value in LOCAL.items() if key != "model"}
UNPRICED = {key: value for key, value in CLOUD.items() if key != "price"}


def dual(**spec: Any) -> dict[str, Any]:
    whole = {"questions": {"source": "philosophy.jsonl"}, "lanes": [CLOUD, LOCAL], "budget": {"usd": 5}, **spec}
    return {"apiVersion": "tandem.dev/v1alpha1", "kind": "DualRun", "metadata": {"name": "philosophy"}, "spec": whole}


def test_the_pair_of_the_first_guide_is_a_run(dual_runs: ApiServer) -> None:
    """A cloud lane, a local lane, eight experts in two steps: by default, and for both readers."""
    run = from_object(dual())
    assert isinstance(run, DualRun)
    assert [expert.name for expert in run.spec.experts][::7] == ["perception", "meta-cognitive"]
    assert len(run.spec.experts) == 8
    assert run.spec.max_steps == 2
    assert dual_runs.refusals(dual()) == []
    assert from_object(dual_runs.defaulted(dual())) == run


def test_a_lane_may_have_a_server_of_the_runs_own(dual_runs: ApiServer) -> None:
    """Then it needs neither address nor name, for both readers."""
    engine = {**UNREACHED, "engine": {"server": "LlamaCpp", "model": "models/local.gguf", "instances": 2}}
    told = dual(lanes=[{key: value for key, value in engine.items() if key != "model"}])
    run = from_object(told)
    assert isinstance(run, DualRun)
    assert dual_runs.refusals(told) == []


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ({"lanes": []}, "spec.lanes: has 0 entries: write at least 1"),
        ({"lanes": [LOCAL, LOCAL]}, 'spec.lanes[1].name: "local" is the name of lanes[0] too: give each one of its own'),
        ({"lanes": [UNPRICED, LOCAL]}, "spec.lanes[0]: has no price, so that budget.usd cannot hold: add price"),
        ({"lanes": [CLOUD]}, 'spec.budget.onExhausted: "LocalOnly" needs a lane of kind Local: add one, or use Suspend or Fail'),
        (
            {"lanes": [LOCAL], "routing": {"policy": "Cloud"}},
            'spec.routing.policy: "Cloud" needs a lane of kind Cloud: add one, or leave routing out',
        ),
        (
            {"lanes": [CLOUD], "budget": {}, "routing": {"policy": "Local"}},
            'spec.routing.policy: "Local" needs a lane of kind Local: add one, or leave routing out',
        ),
        (
            {"lanes": [{**LOCAL, "url": "127.0.0.1:1234"}]},
            'spec.lanes[0].url: "127.0.0.1:1234" is no address of an API: write http:// or https://, a host and a path, such as http://127.0.0.1:1234/v1',
        ),
        *(
            (
                {"lanes": [{**LOCAL, "url": f"http://127.0.0.1:{port}/v1"}]},
                (
                    f'spec.lanes[0].url: "http://127.0.0.1:{port}/v1" names a port that there is not: '
                    "write one from 1 to 65535, such as http://127.0.0.1:1234/v1"
                ),
            )
            for port in (79999, 65536, 100000, "00", "")
        ),
        (
            {"lanes": [{**UNREACHED, "urls": ["http://127.0.0.1:1/v1", "http://[::1]:65536"]}]},
            (
                'spec.lanes[0].urls[1]: "http://[::1]:65536" names a port that there is not: '
                "write one from 1 to 65535, such as http://127.0.0.1:1234/v1"
            ),
        ),
        (
            {"lanes": [{**LOCAL, "apiKeySecret": "sk-hunter2"}]},
            "spec.lanes[0].apiKeySecret: is text, not a mapping: write its fields below it: name, key",
        ),
        ({"lanes": [{**UNNAMED, "engine": {"model": "models/local"}}]}, "spec.lanes[0]: needs exactly one of url, urls and engine"),
        (
            {"lanes": [{**UNREACHED, "engine": {"model": "models/local"}}]},
            'spec.lanes[0].model: "microsoft/phi-4" has no meaning beside engine.model: leave it out',
        ),
        (
            {"lanes": [{**UNREACHED, "model": None, "engine": {"model": "m", "arguments": ["--api-key", "hunter2"]}}]},
            "spec.lanes[0].engine.arguments[0]: holds a password or key that anybody may read here: keep it in a Secret and name that",
        ),
        ({"lanes": [UNREACHED]}, "spec.lanes[0]: needs exactly one of url, urls and engine"),
        ({"lanes": [UNNAMED]}, "spec.lanes[0]: needs model: the name of the model, as the server calls it"),
        ({"lanes": [{**LOCAL, "apiKey": "sk-hunter2"}]}, "spec.lanes[0].apiKey: there is no such field: did you mean apiKeySecret?"),
        ({"tries": 0}, "spec.tries: 0 is too small: write 1 or more"),
        ({"leaseSeconds": 1}, "spec.leaseSeconds: 1 is too small: write 5 or more"),
        ({"memory": {"topK": 33}}, "spec.memory.topK: 33 is too large: write 32 or less"),
        ({"memory": {"holdOut": 1}}, "spec.memory.holdOut: 1 is too large: write less than 1"),
        ({"question": 1}, "spec.question: there is no such field: did you mean questions?"),
        ({"pod": {"queue": "team"}}, 'spec.pod.queue: "team" has no meaning for a DualRun: leave it out'),
        ({"pod": {"graceSeconds": 5}}, "spec.pod.graceSeconds: 5 has no meaning for a DualRun: leave it out"),
        ({"pod": {"sharedMemory": "1Gi"}}, 'spec.pod.sharedMemory: "1Gi" has no meaning for a DualRun: leave it out'),
        ({"placement": {"onePerNode": True}}, "spec.placement.onePerNode: true has no meaning for a DualRun: leave it out"),
        ({"placement": {"onDemandAfter": "0s"}}, 'spec.placement.onDemandAfter: "0s" has no meaning for a DualRun: leave it out'),
        (
            {"pod": {"memory": "4"}},
            'spec.pod.memory: "4" is less than 1Mi: write more, with its unit, such as 16Gi',
        ),
    ],
)
def test_each_mistake_is_one_line(dual_runs: ApiServer, spec: dict[str, Any], problem: str) -> None:
    """Field, value, fix; keys are never printed; the API server refuses the same."""
    with pytest.raises(SpecError) as refused:
        from_object(dual(**spec))
    assert refused.value.problems == (problem,)
    assert dual_runs.refusals(dual(**spec))


@pytest.mark.parametrize(
    "url", ["http://a:65535", "https://[::1]/v1", "http://[fe80::0]:08080/v1", "http://a/b:99999", "http://a:1/b?c=d:0"]
)
def test_what_only_looks_like_a_port_beyond_all_is_taken(dual_runs: ApiServer, url: str) -> None:
    """The largest port, addresses of IPv6, colons in a path or query."""
    told = dual(lanes=[{**LOCAL, "url": url}])
    assert dual_runs.refusals(told) == []
    assert from_object(told)


def test_pods_are_placed_in_the_words_of_training(dual_runs: ApiServer) -> None:
    """The same fields, for both readers, with the same defaults."""
    told = dual(
        placement={"nodeSelector": {"pool": "a"}, "tolerations": [{"key": "team", "operator": "Exists"}]},
        pod={"cpu": "1", "memory": "2Gi", "priorityClass": "low", "imagePullSecrets": ["registry"]},
    )
    assert dual_runs.refusals(told) == []
    assert from_object(dual_runs.defaulted(told)) == from_object(told)


def test_answers_belong_to_their_questions(dual_runs: ApiServer) -> None:
    """The question set of a run that has begun cannot change."""
    (refusal,) = dual_runs.refusals(dual(questions={"source": "other.jsonl"}), dual())
    assert '"philosophy.jsonl" cannot become "other.jsonl": answers belong to its questions: keep it' in refusal
