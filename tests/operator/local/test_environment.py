"""What workers may know of a person's shell."""

import pytest
from tandem_operator.local.process.environment import passed


@pytest.mark.parametrize(
    "name",
    ["PATH", "AWS_SECRET_ACCESS_KEY", "TANDEM_S3_ENDPOINT", "CUDA_VISIBLE_DEVICES", "LLAMA_ARG_N_GPU_LAYERS", "HTTPS_PROXY", "LC_ALL"],
)
def test_what_training_needs_goes_through(name: str) -> None:
    """Without any of these a run that works by hand would fail under Tandem."""
    assert passed({name: "x"}) == {name: "x"}


@pytest.mark.parametrize("name", ["GITHUB_TOKEN", "OPENAI_API_KEY", "HF_TOKEN", "SSH_AUTH_SOCK", "KUBECONFIG", "TANDEM_TOKEN_FILE"])
def test_what_training_does_not_need_stays(name: str) -> None:
    """A worker may run code that came with a data set."""
    assert passed({name: "x"}) == {}


def test_more_goes_through_when_it_is_named() -> None:
    """By name or pattern, with commas or spaces."""
    environ = {"TANDEM_PASS": "HF_TOKEN, WANDB_*", "HF_TOKEN": "a", "WANDB_MODE": "b", "OTHER": "c"}
    assert passed(environ) == {"HF_TOKEN": "a", "WANDB_MODE": "b"}
