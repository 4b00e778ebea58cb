"""A part of a DualRun as a pod: what it may do, what it is told, and who is shown which secret."""

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tandem_operator.api.dual_run import DualRun
from tandem_operator.plan.dual import acceptance
from tandem_operator.plan.dual.values import Part, Role, Slot
from tandem_operator.render.dual import credentials, objects
from tandem_operator.render.dual.credentials import Credentials
from tandem_operator.render.dual.pod import pod
from tandem_operator.render.manifest import Manifest
from tandem_reasoning.coordinator.job import Job
from tandem_reasoning.coordinator.settings import Settings

from .shapes import SITE, container, variables

NAMES = st.from_regex(r"[a-z]([-a-z0-9]{0,38}[a-z0-9])?", fullmatch=True)
UID = "0f8fad5b-d9cb-469f-a165-70867728950e"
DUAL_SITE = replace(
    SITE, reasoning_image="tandem-reasoning:1", memory="tandem-memory.tandem.svc:7433", memory_ca="-----BEGIN CERTIFICATE-----\n"
)
LANES: list[dict[str, Any]] = [
    {"name": "local", "kind": "Local", "url": "http://local/v1", "model": "small"},
    {
        "name": "cloud",
        "kind": "Cloud",
        "urls": ["http://a/v1", "http://b/v1"],
        "model": "large",
        "apiKeySecret": {"name": "provider"},
        "price": {},
    },
]
KNOWN_BY = Credentials(token="t", certificate="-----BEGIN CERTIFICATE-----", key="-----BEGIN PRIVATE KEY-----")  # noqa: S106
COORDINATOR, WORKER = Slot(role=Role.COORDINATOR), Slot(role=Role.WORKER, index=1)


def run_of(name: str = "d", **spec: Any) -> DualRun:
    """A DualRun as the operator reads it."""
    metadata = {"name": name, "namespace": "team", "uid": UID}
    return DualRun.model_validate(
        {"metadata": metadata, "spec": {"questions": {"source": "questions/philosophy.jsonl"}, "lanes": LANES, **spec}}
    )


def part_of(slot: Slot, run: DualRun | None = None, start: int = 1) -> Manifest:
    """The pod of a part."""
    run = run or run_of()
    return pod(Part(run=run.name, slot=slot, start=start), run, DUAL_SITE, KNOWN_BY.digest)


def _shown(slot: Slot) -> Manifest:
    """What a part reads of the Secret of its run."""
    (source,) = volume(part_of(slot), "credentials")["projected"]["sources"]
    return source["secret"]


def volume(made: Manifest, name: str) -> Manifest:
    """A volume of a pod."""
    (found,) = [each for each in made["spec"]["volumes"] if each["name"] == name]
    return found


@pytest.mark.parametrize("slot", [COORDINATOR, WORKER], ids=lambda slot: slot.name)
def test_it_keeps_to_the_restricted_standard(slot: Slot) -> None:
    """No root, no way to more rights, nothing of its image that it could write, and no token of its account."""
    made = part_of(slot)
    assert made["spec"]["securityContext"].items() >= {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}.items()
    assert container(made)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
    assert made["spec"]["automountServiceAccountToken"] is False
    assert made["spec"]["restartPolicy"] == "Never"
    assert made["spec"]["shareProcessNamespace"] is True, "deaf to whoever asks it to leave, until it has a handler"


def test_a_coordinator_understands_all_that_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every variable is a setting of it, and its own reader takes values and job."""
    run = run_of(memory={"namespace": "m"}, budget={"usd": 5, "onExhausted": "Suspend"}, maxSteps=3)
    made = part_of(COORDINATOR, run)
    told = {name: value for name, value in variables(made).items() if name.startswith("TANDEM_COORDINATOR_")}
    assert {name.removeprefix("TANDEM_COORDINATOR_").lower() for name in told} <= Settings.model_fields.keys()
    (tmp_path / "job.json").write_text(made["metadata"]["annotations"]["tandem.dev/job"])
    for name, value in {**told, "TANDEM_COORDINATOR_JOB": str(tmp_path / "job.json")}.items():
        monkeypatch.setenv(name, value)
    settings = Settings()  # pyright: ignore[reportCallIssue]
    job = Job.model_validate_json(settings.job.read_bytes())
    assert (job.run_uid, job.budget_usd, job.thinking.max_steps) == (UID, 5, 3)
    assert [lane.urls for lane in job.lanes] == [("http://local/v1",), ("http://a/v1", "http://b/v1")]
    assert settings.snapshots == f"s3://tandem/checkpoints/team/d/{UID}"


@pytest.mark.parametrize("other", [{"token": "another"}, {"certificate": "another"}], ids="".join)
def test_other_credentials_are_another_secret(other: dict[str, str]) -> None:
    """Parts read those that the operator reckons; a Secret of an earlier key, or of a release without certificates, is none of theirs."""
    run = run_of()
    first, second = (credentials.secret(run, each)["metadata"]["name"] for each in (KNOWN_BY, replace(KNOWN_BY, **other)))
    assert {_shown(slot)["name"] for slot in (COORDINATOR, WORKER)} == {first} != {second}


def test_the_key_of_the_certificate_is_the_coordinators_alone() -> None:
    """A worker is shown the certificate, as the authority that it is, and no key; both come out of one Secret that nobody can edit."""
    made = credentials.secret(run_of(), KNOWN_BY)
    assert made["immutable"]
    assert {name: base64.b64decode(text).decode() for name, text in made["data"].items()} == {
        "token": KNOWN_BY.token,
        "tls.crt": KNOWN_BY.certificate,
        "tls.key": KNOWN_BY.key,
    }
    shown = {slot.role: {each["key"]: each["path"] for each in _shown(slot)["items"]} for slot in (COORDINATOR, WORKER)}
    assert shown[Role.COORDINATOR] == {"token": "token", "tls.crt": "tls.crt", "tls.key": "tls.key"}
    assert shown[Role.WORKER] == {"token": "token", "tls.crt": "ca.crt"}
    assert variables(part_of(WORKER))["TANDEM_TLS_CA"] == "/var/run/secrets/tandem/ca.crt"
    assert not any("PLAINTEXT" in name for slot in (COORDINATOR, WORKER) for name in variables(part_of(slot)))


def test_credentials_are_not_shown_by_mistake() -> None:
    """Neither by a log that names them, nor by what tells them from others."""
    assert KNOWN_BY.key not in repr(KNOWN_BY)
    assert f"{KNOWN_BY.token!r}" not in repr(KNOWN_BY)
    assert replace(KNOWN_BY, token="u").digest != KNOWN_BY.digest  # noqa: S106
    assert len(KNOWN_BY.digest) == 8


def test_a_coordinator_has_time_for_its_last_snapshot_and_report() -> None:
    """A worker only ends its calls; killed in the middle of a report, a run would have none."""
    grace = [part_of(slot)["spec"]["terminationGracePeriodSeconds"] for slot in (COORDINATOR, WORKER)]
    assert grace == [120, 30]


@pytest.mark.parametrize(("letter", "count", "fits"), [("a", 32, True), ("ж", 30, True), ("ж", 32, False), ("猫", 32, False)])
def test_what_does_not_fit_into_a_pod_is_refused_in_one_line(letter: str, count: int, *, fits: bool) -> None:
    """Roles in other scripts are told as they are written, and an annotation is never larger than the API server takes."""
    run = run_of(experts=[{"name": f"e{number}", "role": letter * 4000} for number in range(count)])
    problems = acceptance.problems(run, acceptance.Place(image="i"))
    assert [problem.split(":")[0] for problem in problems] == ([] if fits else ["spec.experts"])
    size = sum(len(told.encode()) for told in part_of(COORDINATOR, run)["metadata"]["annotations"].values())
    assert not fits or size < 256 << 10


def test_what_it_is_told_to_read_is_mounted() -> None:
    """Each file that a variable or the job names is below a place where something is mounted."""
    for slot in (COORDINATOR, WORKER):
        made = part_of(slot, run_of(memory={"namespace": "m"}))
        places = [mount["mountPath"] for mount in container(made)["volumeMounts"]]
        files = [value for value in variables(made).values() if isinstance(value, str) and value.startswith("/")]
        assert files
        assert all(any(file.startswith(f"{place}/") for place in places) for file in files)
    job = json.loads(part_of(COORDINATOR)["metadata"]["annotations"]["tandem.dev/job"])
    assert [lane["keyFile"].rpartition("/")[0] in places for lane in job["lanes"] if lane["keyFile"]] == [True]


def test_api_keys_are_files_of_workers_alone() -> None:
    """The coordinator has none; a worker has each under the name that the job says, and starts though its Secret is not there yet."""
    assert "provider" not in json.dumps(part_of(COORDINATOR))
    (source,) = volume(part_of(WORKER), "keys")["projected"]["sources"]
    assert source["secret"] == {"name": "provider", "items": [{"key": "api-key", "path": "cloud"}], "optional": True}


@pytest.mark.parametrize("address", ["tandem-memory.tandem:7433", "tandem-memory.tandem.svc.cluster.local:7433", None])
def test_the_memory_of_the_cluster_is_shown_a_token_over_tls(address: str | None) -> None:
    """Under whatever name it is known; the token is made out for it."""
    made = part_of(COORDINATOR, run_of(memory={"namespace": "m", **({"address": address} if address else {})}))
    told = variables(made)
    assert told["TANDEM_COORDINATOR_MEMORY"] == DUAL_SITE.memory
    assert told["TANDEM_COORDINATOR_MEMORY_TLS_CA"] == "/etc/tandem/memory-ca.crt"
    assert made["metadata"]["annotations"]["tandem.dev/memory-ca"] == DUAL_SITE.memory_ca
    assert volume(made, "memory-token")["projected"]["sources"][0]["serviceAccountToken"]["audience"] == "tandem-memory"


def test_a_memory_of_somebody_elses_is_shown_nothing() -> None:
    """What a run names itself gets no token of ours."""
    made = part_of(COORDINATOR, run_of(memory={"address": "memory.elsewhere:7433"}))
    assert variables(made)["TANDEM_COORDINATOR_MEMORY"] == "memory.elsewhere:7433"
    assert "serviceAccountToken" not in json.dumps(made)
    assert "TANDEM_COORDINATOR_MEMORY_TOKEN_FILE" not in variables(made)


@given(name=NAMES, index=st.integers(0, 999), start=st.integers(1, 10**6))
def test_no_name_is_longer_than_it_may_be(name: str, index: int, start: int) -> None:
    """Names are labels of DNS, at most 63 characters, and so are the values of labels."""
    run = run_of(name)
    made = [part_of(replace(slot, index=index), run, start) for slot in (COORDINATOR, WORKER)]
    for each in (*made, objects.service(run), objects.claim(run, DUAL_SITE), credentials.secret(run, KNOWN_BY)):
        assert len(each["metadata"]["name"]) <= 63
        assert all(len(value) <= 63 for value in each["metadata"]["labels"].values())
        assert each["metadata"]["ownerReferences"][0]["uid"] == UID


def test_the_service_leads_to_the_coordinator_of_this_very_run() -> None:
    """Not to its workers, nor to that of an earlier run of the same name."""
    selector, labels = objects.service(run_of())["spec"]["selector"], part_of(COORDINATOR)["metadata"]["labels"]
    assert selector.items() <= labels.items()
    assert not selector.items() <= part_of(WORKER)["metadata"]["labels"].items()
    assert selector["tandem.dev/run-uid"] == UID
    assert "tandem.dev/run" not in labels, "the disruption budget of a TrainingRun of this name would count it"
