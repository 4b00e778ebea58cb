"""What a part of a DualRun looks like as a child process of this machine: a command line that says nothing, an environment that says all.

Of engines the command line names the model and the port, since that is how such servers are told. API keys stand nowhere here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath

from tandem_operator.api.dual_run import DualRun
from tandem_operator.api.lane import EngineServer, EngineSpec
from tandem_operator.plan.dual import environment
from tandem_operator.plan.dual.job import Reached, job
from tandem_operator.plan.dual.slots import engines_of
from tandem_operator.plan.dual.values import Part, Role

from .engine_arguments import arguments
from .process import Process

_LOOPBACK = "127.0.0.1"
_GRACE_S = 25  # for calls under way: a worker has left before its shell kills it

SEARCHED: Mapping[EngineServer, str] = {EngineServer.LLAMA_CPP: "llama-server", EngineServer.VLLM: "vllm"}
"""Programs that are looked for on PATH; the others come with Tandem's own Python."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DualSite:
    """What the shell knows about this machine and the planner does not.

    Attributes:
        python: The Python that has `tandem_reasoning` and `tandem_memory`.
        programs: Folder that holds the programs of that Python, such as `transformers`.
        workers: Folder that holds a folder for each part.
        folder: The run's own folder: books, job, report, records of its own memory.
        ports: Where each slot listens, by its name.
        token_file: File with the token that the coordinator wants.
        threads: How many threads an engine computes with.
    """

    python: str
    programs: PurePath
    workers: PurePath
    folder: PurePath
    ports: Mapping[str, int]
    token_file: PurePath
    threads: str = "1"

    def address(self, slot: str) -> str:
        """host:port of a slot."""
        return f"{_LOOPBACK}:{self.ports[slot]}"

    @property
    def coordinator(self) -> str:
        """host:port of the coordinator."""
        return self.address(f"{Role.COORDINATOR}-0")


def process(part: Part, run: DualRun, site: DualSite) -> Process:
    """The process that `part` is at `site`; its folder is where it says that it listens."""
    directory = site.workers / part.name
    command, told = _told(part, run, site, directory)
    return Process(name=part.name, argv=command, environment={**told, "TANDEM_SCRATCH": str(directory)}, directory=directory)


def job_text(run: DualRun, site: DualSite) -> str:
    """What the coordinator is told of `run`: lanes by the addresses of their servers, ours or others'."""
    return job(run, {lane.name: _reached(run, site, lane.name) for lane in run.spec.lanes})


def _told(part: Part, run: DualRun, site: DualSite, directory: PurePath) -> tuple[tuple[str, ...], dict[str, str]]:
    """Command line and environment of a part."""
    match part.slot.role:
        case Role.MEMORY:
            return (site.python, "-m", "tandem_memory"), _memory(site, directory)
        case Role.ENGINE:
            assert part.slot.engine is not None, part.slot.name
            return _engine(part.slot.engine, site, part.slot.name), _engine_environment(part.slot.engine, site)
        case Role.COORDINATOR:
            return (site.python, "-m", "tandem_reasoning.coordinator"), _coordinator(run, site, directory)
        case Role.WORKER:
            return (site.python, "-m", "tandem_reasoning.worker"), _worker(run, site, part.slot.index)


def _memory(site: DualSite, directory: PurePath) -> dict[str, str]:
    return {
        "TANDEM_MEMORY_FOLDER": str(site.folder / "memory"),
        "TANDEM_MEMORY_LISTEN": site.address(f"{Role.MEMORY}-0"),
        "TANDEM_MEMORY_ADDRESS_FILE": str(directory / "address.json"),
    }


def _coordinator(run: DualRun, site: DualSite, directory: PurePath) -> dict[str, str]:
    here = {
        "JOB": str(site.folder / "job.json"),
        "LEDGER": str(site.folder / "ledger.sqlite"),
        "LISTEN": site.coordinator,
        "TOKEN_FILE": str(site.token_file),
        "ADDRESS_FILE": str(directory / "address.json"),
        "REPORT": str(site.folder / "report"),
        "SNAPSHOTS": run.spec.checkpoint.uri or f"file://{site.folder / 'checkpoints'}",
    }
    memory = run.spec.memory
    if memory is not None and memory.address is None:
        here["MEMORY"] = site.address(f"{Role.MEMORY}-0")
    return {**environment.coordinator(run), **{f"TANDEM_COORDINATOR_{name}": value for name, value in here.items()}}


def _worker(run: DualRun, site: DualSite, index: int) -> dict[str, str]:
    return {
        **environment.worker(run, index),
        "TANDEM_COORDINATOR": site.coordinator,
        "TANDEM_TOKEN_FILE": str(site.token_file),
        "TANDEM_GRACE_SECONDS": str(_GRACE_S),
    }


def _engine(engine: EngineSpec, site: DualSite, slot: str) -> tuple[str, ...]:
    program = SEARCHED.get(engine.server, str(site.programs / "transformers"))
    return (program, *arguments(engine, host=_LOOPBACK, port=site.ports[slot]))


def _engine_environment(engine: EngineSpec, site: DualSite) -> dict[str, str]:
    """A model that is a folder here is served without a word to the hub."""
    told = {"OMP_NUM_THREADS": site.threads, "TOKENIZERS_PARALLELISM": "false"}
    if engine.model.startswith("/"):
        told |= {"HF_HOME": str(site.folder / "huggingface"), "HF_HUB_OFFLINE": "1"}
    return told


def _reached(run: DualRun, site: DualSite, name: str) -> Reached:
    lane = next(lane for lane in run.spec.lanes if lane.name == name)
    ours = tuple(f"http://{site.address(slot)}/v1" for slot in engines_of(run, name))
    return Reached(urls=ours or lane.urls or (lane.url or "",), key_variable=lane.api_key_variable or "")
