"""Whether evictions that nobody must make are refused: a PodDisruptionBudget.

It counts in minAvailable, as a number. For maxUnavailable and for percentages the disruption controller asks the pods'
owner for its scale, which a TrainingRun has not, and then refuses every eviction for ever (`getExpectedScale` of Kubernetes;
"Arbitrary workloads and arbitrary selectors" in its documentation of disruption budgets).
"""

from tandem_operator.api.training_run import TrainingRun

from .manifest import RUN, SPARE, Manifest, metadata


def disruption_budget(run: TrainingRun, *, hold: bool) -> Manifest:
    """The budget of `run`: with `hold` no worker that is up may be evicted, without it all of them."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(run, run.name),
        "spec": {
            "minAvailable": max(run.spec.workers, run.status.workers) if hold else 0,
            # A spare has nothing to lose, so it holds up nobody.
            "selector": {"matchLabels": {RUN: run.name}, "matchExpressions": [{"key": SPARE, "operator": "DoesNotExist"}]},
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        },
    }
