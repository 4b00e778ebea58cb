"""A server of a model as a pod: which image and command, where its model comes from, what it may do, and by which name it is found."""

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tandem_operator.api.dual_run import DualRun
from tandem_operator.api.placement import PlacementSpec, Spot
from tandem_operator.plan.dual import acceptance
from tandem_operator.plan.dual.slots import engines
from tandem_operator.plan.dual.values import Part
from tandem_operator.render.dual import objects
from tandem_operator.render.dual.parts import pod_of
from tandem_operator.render.manifest import Manifest

from .shapes import container, variables
from .test_dual_pod import COORDINATOR, DUAL_SITE, KNOWN_BY, LANES, part_of, run_of

SITE = replace(DUAL_SITE, reasoning_pull_policy="Never")
IMAGES = {"Transformers": None, "LlamaCpp": "ghcr.io/ggml-org/llama.cpp:server", "Vllm": "vllm/vllm-openai"}


def engine_run(model: str = "models/local", pod: dict[str, Any] | None = None, **engine: Any) -> DualRun:
    """A run whose local lane has a server of its own."""
    return run_of(lanes=[{"name": "local", "kind": "Local", "engine": {"model": model, **engine}}, LANES[1]], pod=pod or {})


def engine_of(run: DualRun, index: int = 0) -> Manifest:
    """The pod of one of its servers."""
    return pod_of(Part(run=run.name, slot=engines(run)[index], start=3), run, SITE, KNOWN_BY.digest)


@pytest.mark.parametrize(
    ("server", "command", "argument"),
    [("Transformers", ["python3", "-m", "transformers.cli.transformers"], "serve"), ("LlamaCpp", None, "-hf"), ("Vllm", ["vllm"], "serve")],
)
def test_a_server_is_started_as_on_one_machine(server: str, command: list[str] | None, argument: str) -> None:
    """Transformers in the trainer's image; others in the image that is named, llama.cpp's by its own entry point."""
    made = container(engine_of(engine_run("a/b", server=server, image=IMAGES[server], arguments=["--x", "$(HOME)"])))
    assert made["image"] == (IMAGES[server] or SITE.trainer_image)
    assert made.get("imagePullPolicy") == (None if IMAGES[server] else SITE.image_pull_policy)
    assert made.get("command") == command
    assert made["args"][:2] == [argument, "a/b"]
    assert {"--host", "--port", "8000"} <= set(made["args"])
    assert made["args"][-2:] == ["--x", "$$(HOME)"], "the kubelet would put a variable in its place"


def test_a_server_without_an_image_is_refused_unless_it_is_ours() -> None:
    """Field and fix in one line; a Transformers server needs none."""
    for server, image in IMAGES.items():
        problems = acceptance.problems(engine_run(server=server), acceptance.Place(image="i"))
        assert [problem.split(":")[0] for problem in problems] == (["spec.lanes[0].engine.image"] if image else [])
        assert not acceptance.problems(engine_run(server=server, image="mine:1"), acceptance.Place(image="i"))


@pytest.mark.parametrize("start", [1, 2])
def test_each_instance_is_found_by_a_name_that_outlives_its_pods(start: int) -> None:
    """A Service for each leads to whichever pod of its slot is ready, and the job has their addresses in the lane's order."""
    run = engine_run(instances=2)
    job = json.loads(part_of(COORDINATOR, run)["metadata"]["annotations"]["tandem.dev/job"])
    services = [objects.engine_service(run, slot) for slot in engines(run)]
    hosts = [url.removeprefix("http://").split(".team.svc:8000/v1")[0] for url in job["lanes"][0]["urls"]]
    assert hosts == [service["metadata"]["name"] for service in services]
    for index, service in enumerate(services):
        pods = [pod_of(Part(run=run.name, slot=slot, start=start), run, SITE, "t")["metadata"]["labels"] for slot in engines(run)]
        assert [service["spec"]["selector"].items() <= labels.items() for labels in pods] == [index == number for number in range(2)]
        assert not service["spec"]["selector"].items() <= part_of(COORDINATOR, run)["metadata"]["labels"].items()
        assert len(service["metadata"]["name"]) <= 63


def test_it_keeps_to_the_restricted_standard_and_knows_no_token() -> None:
    """No root, no way to more rights, nothing of its image that it could write: also not for what brings the model."""
    spec = engine_of(engine_run())["spec"]
    assert spec["securityContext"].items() >= {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}.items()
    for each in (*spec["containers"], *spec["initContainers"]):
        assert each["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        }
    assert spec["automountServiceAccountToken"] is False
    assert "secret" not in json.dumps(spec)


def test_it_is_led_to_once_it_is_well() -> None:
    """Every server says so at one place, at the port that it was told."""
    made = container(engine_of(engine_run()))
    assert made["readinessProbe"]["httpGet"] == {"path": "/health", "port": "http"}
    assert made["ports"] == [{"name": "http", "containerPort": 8000, "protocol": "TCP"}]


@pytest.mark.parametrize(
    ("model", "brought"), [("models/local", True), ("./x.gguf", True), ("openai/gpt-oss-20b", True), ("/models/x", False)]
)
def test_a_model_of_the_reasoning_image_is_brought_to_where_the_server_works(model: str, *, brought: bool) -> None:
    """Whatever has a relative path is looked for there, by the same name; an absolute path is where the server is."""
    spec = engine_of(engine_run(model))["spec"]
    assert ("initContainers" in spec) is brought
    if brought:
        (bring,) = spec["initContainers"]
        assert (bring["image"], bring["imagePullPolicy"]) == (SITE.reasoning_image, "Never")
        assert bring["volumeMounts"][0]["mountPath"] == container({"spec": spec})["workingDir"]
        assert model in bring["command"]
    told = variables({"spec": spec})
    assert ("HF_HUB_OFFLINE" in told) is model.startswith((".", "/")), "the hub is asked for nothing that is surely a file"


@pytest.mark.parametrize(("model", "there"), [("models/local", True), ("./one.gguf", True), ("some/id", False), ("a b/$(x)", True)])
def test_what_brings_it_copies_files_and_folders_and_leaves_ids_alone(model: str, *, there: bool, tmp_path: Path) -> None:
    """Run as the kubelet would: a copy under the same path, or nothing and no failure."""
    image, folder = tmp_path / "image", tmp_path / "model"
    if there and model.endswith(".gguf"):
        image.mkdir()
        (image / model).write_text("weights")
    elif there:
        (image / model).mkdir(parents=True)
        (image / model / "config.json").write_text("weights")
    image.mkdir(exist_ok=True)
    (bring,) = engine_of(engine_run(model))["spec"]["initContainers"]
    words = [word.replace("$$", "$") for word in bring["command"]][:-1]
    subprocess.run([*words, str(folder)], cwd=image, check=True)
    found = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    assert found == ([path.relative_to(image) for path in image.rglob("*") if path.is_file()] if there else [])


def test_cards_memory_and_processors_are_those_that_its_lane_asks_for() -> None:
    """Cards are requested and limited and their taint is tolerated; what a run gives its other pods is not for servers."""
    made = engine_of(engine_run(gpus=2, memory="24Gi", cpu="8", pod={"memory": "2Gi", "runtimeClass": "nvidia"}))
    asked = {"memory": "24Gi", "nvidia.com/gpu": "2"}
    assert container(made)["resources"] == {"requests": {"cpu": "8", **asked}, "limits": asked}
    assert variables(made)["OMP_NUM_THREADS"] == "8"
    assert {"key": "nvidia.com/gpu", "operator": "Exists"} in made["spec"]["tolerations"]
    assert made["spec"]["runtimeClassName"] == "nvidia"
    amd = engine_of(engine_run(gpus=1, accelerator="amd"))
    assert container(amd)["resources"]["limits"] == {"amd.com/gpu": "1"}
    assert "limits" not in container(engine_of(engine_run()))["resources"], "how large a model is, only its owner knows"


def test_all_that_it_is_told_of_is_mounted() -> None:
    """Every place that a variable names, and the folder that it works in, can be written by it."""
    made = engine_of(engine_run("openai/gpt"))
    places = {mount["mountPath"] for mount in container(made)["volumeMounts"] if not mount.get("readOnly")}
    named = [value for value in variables(made).values() if str(value).startswith("/")]
    assert {"/tandem/hub", container(made)["workingDir"]} <= places
    assert all(any(f"{value}/".startswith(f"{place}/") for place in places) for value in named)


def test_volumes_and_a_token_for_gated_models_come_from_the_run() -> None:
    """A claim with models takes the place of what would be brought; the token is named, not held."""
    wishes = {
        "env": [{"name": "HF_TOKEN", "secret": {"name": "hub", "key": "token"}}],
        "volumes": [{"mountPath": "/tandem/model", "claim": "models"}],
    }
    made = engine_of(engine_run(pod=wishes))
    assert variables(made)["HF_TOKEN"] == {"secretKeyRef": {"name": "hub", "key": "token", "optional": False}}
    assert "initContainers" not in made["spec"]
    assert [each["name"] for each in container(made)["volumeMounts"] if each["mountPath"] == "/tandem/model"] == ["volume-0"]


def test_an_engine_that_may_be_on_a_spot_machine_can_always_be_drained() -> None:
    """Karpenter's `do-not-disrupt` stays on machines that do not vanish; labels by which pods of other kinds are told apart never come."""
    annotations, labels = {"karpenter.sh/do-not-disrupt": "true", "note": "mine"}, {"team": "a", "tandem.dev/run": "other"}
    run = engine_run(pod={"annotations": annotations, "labels": labels})
    lasting = run.model_copy(update={"spec": run.spec.model_copy(update={"placement": PlacementSpec(spot=Spot.NEVER)})})
    made = engine_of(run)["metadata"]
    assert made["annotations"] == {"note": "mine"}
    assert engine_of(lasting)["metadata"]["annotations"] == annotations
    assert made["labels"]["team"] == "a"
    assert "tandem.dev/run" not in made["labels"]
