"""Last words name variables; people are told the field, the Secret and its key, or the value of the chart."""

from typing import Any

import pytest
from tandem_operator.cluster.seen.origins import OF_A_DUAL_RUN, OF_TRAINING, traced

_UNKNOWN = "AWS_ACCESS_KEY_ID is not known at http://minio:9000: check it and TANDEM_S3_ENDPOINT"
_UNSET = "AWS_ACCESS_KEY_ID is not set"


def _pod(**keys: str) -> dict[str, Any]:
    """A pod with variables that come from keys of a Secret, and one beside it that takes other ones."""
    env = [{"name": name, "valueFrom": {"secretKeyRef": {"name": "minio", "key": key}}} for name, key in keys.items()]
    return {"spec": {"containers": [{"name": "other", "env": []}, {"name": "worker", "env": [*env, {"name": "HOME", "value": "/"}]}]}}


def _added(said: str, pod: dict[str, Any], written: dict[str, str]) -> str:
    told = traced(said, pod, "worker", written)
    assert told.startswith(said)
    return told.removeprefix(said)


def test_a_key_of_a_secret_is_named_as_its_owner_knows_it() -> None:
    """Where a variable has the value of a key with another name, too; and the endpoint by the field that holds it."""
    endpoint = "TANDEM_S3_ENDPOINT is spec.checkpoint.endpoint, or else checkpoints.endpoint of the chart, unless spec.pod.env sets it"
    assert (
        _added(_UNKNOWN, _pod(AWS_ACCESS_KEY_ID="id"), dict(OF_TRAINING))
        == f" (in a pod, {endpoint}; AWS_ACCESS_KEY_ID is key id of Secret minio)"
    )


@pytest.mark.parametrize(
    ("written", "field"),
    [
        (
            OF_TRAINING,
            "spec.checkpoint.secret names, or else, where spec.checkpoint.endpoint is left out, checkpoints.secret of the chart",
        ),
        (OF_A_DUAL_RUN, "checkpoints.secret of the chart names"),
    ],
)
def test_without_a_secret_the_field_that_names_one_is_told(written: dict[str, str], field: str) -> None:
    """A DualRun has no such field, so that the chart is named; its Secret is not for another endpoint that a run writes."""
    assert _added(_UNSET, _pod(), written) == f" (in a pod, AWS_ACCESS_KEY_ID comes from the Secret that {field})"


@pytest.mark.parametrize("written", [OF_TRAINING, OF_A_DUAL_RUN])
def test_a_key_that_a_run_sets_itself_is_where_it_set_it(written: dict[str, str]) -> None:
    """Its own variables win over those of Secrets; the API server leaves an empty value out."""
    for value in ({"value": "AKIDEXAMPLE"}, {}):
        pod = {"spec": {"containers": [{"name": "worker", "env": [{"name": "AWS_ACCESS_KEY_ID", **value}]}]}}
        assert _added(_UNSET, pod, written) == " (in a pod, AWS_ACCESS_KEY_ID is set in spec.pod.env)"


def test_other_last_words_stay_as_they_are() -> None:
    """Nothing is added where no such variable is named, whatever the pod has."""
    assert _added("loss is not finite", _pod(AWS_ACCESS_KEY_ID="id"), dict(OF_TRAINING)) == ""
    assert _added(_UNSET, {}, {}) == ""
