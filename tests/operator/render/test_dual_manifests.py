"""What `tandem plan --manifests` prints for a DualRun: all that a cluster would be given, or why it would be given nothing."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from tandem_operator.plan.dual.slots import slots
from tandem_operator.plan.dual.values import Part
from tandem_operator.render.dual import credentials
from tandem_operator.render.dual.manifests import NOT_YET, foreseen, manifests

from .shapes import variables
from .test_dual_pod import DUAL_SITE, KNOWN_BY, LANES, run_of

KINDS = ["Secret", "Service", "PersistentVolumeClaim", "Pod", "Pod", "Pod"]


def planned(folder: Path, *words: str, **spec: Any) -> subprocess.CompletedProcess[str]:
    """The command over a run file; the questions of its image are not on this machine, and no key is set."""
    told = {
        "apiVersion": "tandem.dev/v1alpha1",
        "kind": "DualRun",
        "metadata": {"name": "pair", "namespace": "team"},
        "spec": {"questions": {"source": "questions/philosophy.jsonl"}, "lanes": LANES, **spec},
    }
    (folder / "run.yaml").write_text(yaml.safe_dump(told))
    command = [str(Path(sys.executable).with_name("tandem")), "plan", "run.yaml", "--manifests", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env={"TANDEM_STATE": str(folder)})


def test_they_are_those_that_the_shell_makes() -> None:
    """What parts need first, then the parts: the same values that are sent to an API server, in the order of the shell."""
    run = run_of()
    parts = [Part(run="d", slot=slot, start=2) for slot in slots(run, memory_offered=True)]
    made = manifests(run, parts, DUAL_SITE, KNOWN_BY)
    assert [each["kind"] for each in made] == KINDS
    assert made[0] == credentials.secret(run, KNOWN_BY)
    assert [each["metadata"]["name"] for each in made[3:]] == ["d-coordinator-0-2", "d-worker-0-2", "d-worker-1-2"]
    assert {each["metadata"]["ownerReferences"][0]["uid"] for each in made} == {run.metadata.uid}


def test_what_is_foreseen_names_no_owner_and_holds_no_secret() -> None:
    """A run that no server knows has no uid, and its credentials are reckoned from a key that only the operator has."""
    made = foreseen(run_of(), replace(DUAL_SITE, memory=None))
    assert not any("ownerReferences" in each["metadata"] for each in made)
    assert made[0]["data"] == {"token": "", "tls.crt": "", "tls.key": ""}
    assert {each["metadata"]["labels"].get("tandem.dev/run-uid", NOT_YET) for each in made} == {NOT_YET}


@pytest.mark.parametrize("form", ["table", "yaml", "json"])
def test_plan_prints_them(form: str, tmp_path: Path) -> None:
    """A list that kubectl takes; the path of the questions is that in the image."""
    ran = planned(tmp_path, "-o", form)
    assert (ran.returncode, ran.stderr) == (0, "")
    listed = json.loads(ran.stdout) if form == "json" else yaml.safe_load(ran.stdout)
    assert [each["kind"] for each in listed["items"]] == KINDS
    assert {each["metadata"]["namespace"] for each in listed["items"]} == {"team"}
    assert variables(listed["items"][3])["TANDEM_COORDINATOR_QUESTIONS"] == "questions/philosophy.jsonl"


def test_servers_of_its_own_are_foreseen_with_their_names(tmp_path: Path) -> None:
    """A Service and a pod for each, as the example with two of them needs."""
    example = yaml.safe_load((Path(__file__).parents[3] / "manifests/examples/philosophy.yaml").read_text())
    ran = planned(tmp_path, **{**example["spec"], "memory": None})
    assert (ran.returncode, ran.stderr) == (0, "")
    listed = yaml.safe_load(ran.stdout)["items"]
    engines = [each for each in listed if each["metadata"]["labels"].get("tandem.dev/role") == "engine"]
    assert [each["kind"] for each in engines] == ["Service", "Service", "Pod", "Pod"]


def test_what_a_cluster_would_refuse_is_said_instead(tmp_path: Path) -> None:
    """Exit 2, and a line for each thing that the operator would state as NotAccepted."""
    lanes = [{"name": "local", "kind": "Local", "engine": {"server": "Vllm", "model": "openai/gpt-oss-20b"}}]
    ran = planned(tmp_path, lanes=lanes, memory={"namespace": "m"})
    assert (ran.returncode, ran.stdout) == (2, "")
    engine, memory = ran.stderr.splitlines()
    assert "run.yaml: spec.lanes[0].engine.image: is missing: name one that has the server Vllm, such as vllm/vllm-openai" in engine
    assert "run.yaml: spec.memory.address: is missing" in memory
