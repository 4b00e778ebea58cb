"""What a worker looks like as a child process of this machine: a command line that says nothing, an environment that says all.

Command lines are visible to everybody on a machine (proc(5)), so neither job text nor secrets stand in one; a secret is
passed as the path of a file that only its owner can read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath

from tandem_operator.plan.values import Worker

from . import job_text

_AGENT = "tandem_trainer.agent"
_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What the shell knows about this machine and the planner does not.

    Attributes:
        python: The Python that has `tandem_trainer`.
        workers: Folder that holds a folder for each worker.
        cache: Folder for prepared data, shared by all runs.
        checkpoint_uri: Where checkpoints go when the run does not say.
        rendezvous_port: A free port, the same for all workers of an attempt.
        telemetry: host:port of the telemetry service, used when the run names none.
        token_file: File with the token that the telemetry service wants.
    """

    python: str
    workers: PurePath
    cache: PurePath
    checkpoint_uri: str
    rendezvous_port: int
    telemetry: str | None = None
    token_file: PurePath | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A child process to start. `environment` comes on top of what the shell itself was given."""

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    directory: PurePath


def process(worker: Worker, site: Site) -> Process:
    """The process that `worker` is at `site`; its folder is where it leaves its exit note and its steps."""
    directory = site.workers / worker.name
    return Process(
        name=worker.name,
        argv=(site.python, "-m", _AGENT),
        environment={**_services(worker, site), **_place(worker, site, directory)},
        directory=directory,
    )


def _services(worker: Worker, site: Site) -> dict[str, str]:
    """The telemetry service of the site with its token; a service that the run names itself is not given our token."""
    ours = {"TANDEM_TELEMETRY": site.telemetry, "TANDEM_TOKEN_FILE": site.token_file and str(site.token_file)}
    own = "TANDEM_TELEMETRY" in worker.environment
    return {**worker.environment, **({} if own else {name: value for name, value in ours.items() if value})}


def _place(worker: Worker, site: Site, directory: PurePath) -> dict[str, str]:
    return {
        "TANDEM_JOB": job_text.completed(worker.environment["TANDEM_JOB"], site.checkpoint_uri),
        "TANDEM_RENDEZVOUS": f"{_LOOPBACK}:{site.rendezvous_port}",
        "TANDEM_SCRATCH": str(directory),
        "TANDEM_CACHE": str(site.cache),
    }
