"""Where an engine finds its model: in a folder that it works in, so that what a run file names holds here as it does beside the file.

A relative path is one in the image of coordinators and workers, which has the examples: an init container brings it over. Nobody here can
tell such a path from the id of a model on the hub, as nobody can on one machine; if the image has no such file, it is an id, and the
server gets that model by itself. An absolute path is one in the server's own image, or in a volume of the run.
"""

from collections.abc import Container, Mapping
from typing import Final

from tandem_operator.api.dual_run import DualRun
from tandem_operator.api.lane import EngineServer, EngineSpec
from tandem_operator.render.cluster_site import PodSite
from tandem_operator.render.manifest import Manifest
from tandem_operator.render.worker_pod import security
from tandem_operator.render.worker_pod.resources import processors
from tandem_operator.render.worker_pod.volumes import CACHE

from . import terms

FOLDER: Final = "/tandem/model"
"""What a server works in: models that are named by a relative path are here."""

HUB: Final = "/tandem/hub"
"""Where models of the hub are kept; it has to be there also when none is, or listing models is an error. A claim of the run that is mounted
here keeps them for the next start."""

_VOLUME: Final = "model"
_NAME: Final = "bring-model"
_BRING: Final = '[ ! -e "$1" ] || { mkdir -p "$2/$(dirname "$1")" && cp -R "$1" "$2/$1"; }'
_RESOURCES: Final[Manifest] = {"requests": {"cpu": "50m", "memory": "32Mi"}}  # of what copies files


def bringing(engine: EngineSpec, run: DualRun, site: PodSite, mounted: Container[str]) -> Manifest:
    """The init container that brings the model; none for one that is where the server is, or where the run has mounted its own."""
    if engine.model.startswith("/") or _VOLUME not in mounted:
        return {}
    container = {
        "name": _NAME,
        **terms.image(run, site),
        "command": ["sh", "-c", literal(_BRING), "sh", literal(engine.model), FOLDER],
        "resources": _RESOURCES,
        "securityContext": security.of_container(),
        "volumeMounts": [{"name": _VOLUME, "mountPath": FOLDER}],
    }
    return {"initContainers": [container]}


def volumes() -> Mapping[str, tuple[Manifest, Manifest]]:
    """What a server can write to, and its model: by name, what each volume is and how it is mounted."""
    places = {_VOLUME: FOLDER, "hub": HUB, "cache": CACHE, "tmp": "/tmp"}  # noqa: S108  # the pod's own
    empty: dict[str, tuple[Manifest, Manifest]] = {name: ({"emptyDir": {}}, {"mountPath": path}) for name, path in places.items()}
    # Processes of a server over several cards talk through /dev/shm, of which a container has 64 MiB otherwise.
    return {**empty, "shared-memory": ({"emptyDir": {"medium": "Memory"}}, {"mountPath": "/dev/shm"})}  # noqa: S108


def variables(engine: EngineSpec) -> Mapping[str, str]:
    """Where libraries keep what they load, and whether they may ask the hub: not where the model is surely a file.

    llama.cpp asks nobody else how many threads to compute with, and would take all processors of its node, whatever its pod asks for.
    """
    told = {
        "HOME": "/tmp",  # noqa: S108  # the pod's own
        "USER": "nonroot",
        "LOGNAME": "nonroot",
        "XDG_CACHE_HOME": f"{CACHE}/xdg",
        "HF_HOME": f"{CACHE}/huggingface",
        "HF_HUB_CACHE": HUB,
        "HF_HUB_DISABLE_UPDATE_CHECK": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "TORCHINDUCTOR_CACHE_DIR": f"{CACHE}/inductor",
        "TRITON_CACHE_DIR": f"{CACHE}/triton",
        "VLLM_CACHE_ROOT": f"{CACHE}/vllm",
        "TOKENIZERS_PARALLELISM": "false",
    }
    threads = {"LLAMA_ARG_THREADS": str(processors(engine.cpu))} if engine.cpu and engine.server is EngineServer.LLAMA_CPP else {}
    return told | threads | ({"HF_HUB_OFFLINE": "1"} if engine.model.startswith(("/", "./")) else {})


def literal(text: str) -> str:
    """A word of a command line that arrives as it is written: the kubelet takes $$ for $, and $(NAME) for a variable."""
    return text.replace("$", "$$")
