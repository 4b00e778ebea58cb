"""A worker as a child process of this machine."""

import json
from collections.abc import Mapping
from pathlib import PurePosixPath

from hypothesis import given
from hypothesis import strategies as st
from tandem_operator.plan.values import Worker
from tandem_operator.render.process import Site, process

SITE = Site(
    python="/venv/bin/python",
    workers=PurePosixPath("/state/r/workers"),
    cache=PurePosixPath("/cache"),
    checkpoint_uri="file:///state/r/checkpoints",
    rendezvous_port=40123,
    telemetry="127.0.0.1:7001",
    token_file=PurePosixPath("/state/r/token"),
)


def _worker(environment: Mapping[str, str] | None = None, **checkpoint: object) -> Worker:
    job = {"name": "r", "checkpoint": {"keepLast": 5, **checkpoint}}
    told = {"TANDEM_JOB": json.dumps(job), "TANDEM_RENDEZVOUS": "r-2-0:29400", "TANDEM_ATTEMPT": "2"}
    return Worker(run="r", attempt=2, rank=1, environment={**told, **(environment or {})})


def test_a_process_runs_the_agent_in_a_folder_of_its_own() -> None:
    """The worker's name is the name of its folder, which is also where the agent writes."""
    made = process(_worker(), SITE)
    assert (made.name, made.argv) == ("r-2-1", ("/venv/bin/python", "-m", "tandem_trainer.agent"))
    assert str(made.directory) == made.environment["TANDEM_SCRATCH"] == "/state/r/workers/r-2-1"


def test_the_site_adds_what_only_it_can_know() -> None:
    """Meeting point on loopback, telemetry and the file of its token, cache; what the planner said stays."""
    told = process(_worker(), SITE).environment
    assert told["TANDEM_RENDEZVOUS"] == "127.0.0.1:40123"
    assert (told["TANDEM_TELEMETRY"], told["TANDEM_TOKEN_FILE"]) == ("127.0.0.1:7001", "/state/r/token")
    assert (told["TANDEM_CACHE"], told["TANDEM_ATTEMPT"]) == ("/cache", "2")


def test_checkpoints_go_where_the_run_says_and_only_otherwise_where_the_site_says() -> None:
    """The rest of the job is untouched."""
    own = json.loads(process(_worker(uri="s3://bucket/r"), SITE).environment["TANDEM_JOB"])
    assert own == {"name": "r", "checkpoint": {"uri": "s3://bucket/r", "keepLast": 5}}
    default = json.loads(process(_worker(), SITE).environment["TANDEM_JOB"])
    assert default == {"name": "r", "checkpoint": {"uri": "file:///state/r/checkpoints", "keepLast": 5}}


def test_a_process_hears_nothing_of_how_a_cluster_reaches_the_store() -> None:
    """The name of a Secret means nothing here, and the address of the store comes from the environment."""
    told = process(_worker(secret="keys", endpoint="http://minio:9000"), SITE).environment  # noqa: S106  # the name of one
    assert json.loads(told["TANDEM_JOB"])["checkpoint"] == {"uri": "file:///state/r/checkpoints", "keepLast": 5}


def test_a_telemetry_service_of_the_run_comes_before_that_of_the_site() -> None:
    """It is not shown the token of the site's own; and without either, nothing is said of one."""
    foreign = process(_worker({"TANDEM_TELEMETRY": "t:1"}), SITE).environment
    assert (foreign["TANDEM_TELEMETRY"], foreign.get("TANDEM_TOKEN_FILE")) == ("t:1", None)
    bare = Site(python="python", workers=SITE.workers, cache=SITE.cache, checkpoint_uri=SITE.checkpoint_uri, rendezvous_port=1)
    assert not {"TANDEM_TELEMETRY", "TANDEM_TOKEN_FILE"} & set(process(_worker(), bare).environment)


@given(st.text(min_size=4))
def test_a_command_line_says_nothing_of_the_run(secret: str) -> None:
    """Whatever stands in the environment of a worker, its command line is the same for every run."""
    made = process(_worker({"TANDEM_MEMORY": secret}), SITE)
    assert made.argv == process(_worker(), SITE).argv
