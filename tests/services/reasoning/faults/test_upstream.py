"""What is asked of the server behind a provider, and what its answers say, without any server."""

import json

from tandem_reasoning.values import Usage

from tests.services.reasoning.faults.faults import Quirk
from tests.services.reasoning.faults.upstream import choices, forwarded, shown, used

ASKED = {"model": "m", "messages": [], "n": 3, "temperature": 0.8, "response_format": {"type": "json_object"}}


def test_claims_are_passed_on_or_dropped() -> None:
    """Without quirks all is passed on but `n`, which the provider keeps by asking several times; each quirk drops its own claim."""
    assert forwarded(ASKED, frozenset()) == {name: value for name, value in ASKED.items() if name != "n"}
    assert forwarded(ASKED, frozenset({Quirk.SAME_TEMPERATURE}))["temperature"] == 0
    assert "response_format" not in forwarded(ASKED, frozenset({Quirk.NO_JSON_MODE}))
    assert choices(ASKED, frozenset()) == 3
    assert choices(ASKED, frozenset({Quirk.ONE_CHOICE})) == 1
    assert choices({"n": None}, frozenset()) == 1
    assert choices({"n": 3, "stream": True}, frozenset()) == 1


def test_tokens_of_a_stream() -> None:
    """They are what its last event tells, or one for each event where none does."""
    told = b'data: {"choices": [1]}\n\ndata: {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3}}\n\ndata: [DONE]\n\n'
    assert used("text/event-stream", told) == Usage(input_tokens=7, output_tokens=3)
    assert used("text/event-stream", b'data: {"choices": [1]}\n\n' * 4) == Usage(input_tokens=0, output_tokens=4)


def test_usage_is_hidden_from_callers_alone() -> None:
    """The quirk takes it out of the answer, and nothing else."""
    answer = json.dumps({"choices": [1], "usage": {"prompt_tokens": 7, "completion_tokens": 3}}).encode()
    assert json.loads(shown("application/json", answer, frozenset({Quirk.NO_USAGE}))) == {"choices": [1]}
    assert shown("application/json", answer, frozenset()) == answer
