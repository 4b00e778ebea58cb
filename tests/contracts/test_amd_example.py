"""The example for a card of AMD: what its pod asks for, and that its image is built by arguments that there are."""

import re
from pathlib import Path

from tandem_operator.api.reading import run_file
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.plan.acceptance import Place, problems
from tandem_operator.render.manifests import foreseen

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "manifests/examples/experts-amd.yaml").read_text()


def test_its_pod_asks_for_one_card_and_tolerates_the_taint() -> None:
    """A cluster with a place for checkpoints accepts it: all its experts fit into the memory that the pod may take."""
    run = run_file.read(TEXT)
    assert isinstance(run, TrainingRun)
    assert problems(run, Place(checkpoint_uri="s3://tandem/runs")) == ()
    (pod,) = (made for made in foreseen(run) if made["kind"] == "Pod")
    (container,) = pod["spec"]["containers"]
    assert container["resources"] == {
        "requests": {"memory": "16Gi", "amd.com/gpu": "1"},
        "limits": {"memory": "16Gi", "amd.com/gpu": "1"},
    }
    assert {"key": "amd.com/gpu", "operator": "Exists"} in pod["spec"]["tolerations"]
    assert container["image"] == "trainer:rocm"


def test_its_image_is_built_by_arguments_of_the_dockerfile() -> None:
    """The base brings torch, so that the requirements bring none, and nothing that only NVIDIA's cards run."""
    given_to = dict(re.findall(r"--build-arg (\w+)=(\S+)", TEXT))
    assert given_to == {"BASE": "rocm/pytorch:<version>", "REQUIREMENTS": "requirements-no-torch.txt"}
    dockerfile = (ROOT / "trainer_image/Dockerfile").read_text()
    assert all(re.search(rf"^ARG {name}=", dockerfile, re.MULTILINE) for name in given_to)
    required = re.findall(r"^([\w.-]+)==", (ROOT / "trainer_image" / given_to["REQUIREMENTS"]).read_text(), re.MULTILINE)
    assert "deepspeed" in required
    assert not [name for name in required if name in {"torch", "triton"} or name.startswith("nvidia-cu")]
