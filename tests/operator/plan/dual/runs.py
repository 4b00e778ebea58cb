"""DualRuns to plan for."""

from datetime import UTC, datetime
from typing import Any

from tandem_operator.api.dual_run import DualRun
from tandem_operator.api.reading.run_file import from_object

T0 = datetime(2026, 11, 1, 12, tzinfo=UTC)
CLOUD: dict[str, Any] = {
    "name": "cloud",
    "kind": "Cloud",
    "url": "https://api.example.com/v1",
    "model": "large",
    "apiKeyVariable": "CLOUD_KEY",
    "price": {"usdPerMillionInputTokens": 0.1, "usdPerMillionOutputTokens": 0.4, "usdPerHour": 0.5},
    "limits": {"requestsPerMinute": 600, "tokensPerMinute": 100_000, "maxInFlight": 24},
}
LOCAL: dict[str, Any] = {"name": "local", "kind": "Local", "engine": {"model": "models/local", "instances": 2}}


def dual(**spec: Any) -> DualRun:
    """A run with a lane by address, a lane with two engines, two workers."""
    whole = {"questions": {"source": "questions.jsonl"}, "lanes": [CLOUD, LOCAL], **spec}
    told = {
        "apiVersion": "tandem.dev/v1alpha1",
        "kind": "DualRun",
        "metadata": {"name": "pair", "uid": "5f0c"},
        "spec": whole,
    }
    run = from_object(told)
    assert isinstance(run, DualRun)
    return run
