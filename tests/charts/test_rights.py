"""Rights: exactly those that are written down in rights.yaml, and for people those of their roles."""

from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.charts.chart import MODES, Chart, Document, named, of_kind, pods

WRITTEN = yaml.safe_load(Path(__file__).with_name("rights.yaml").read_text())
_AGGREGATE = "rbac.authorization.k8s.io/aggregate-to-"


@pytest.mark.parametrize("mode", WRITTEN)
def test_rights_are_exactly_those_written_down(chart: Chart, mode: str) -> None:
    """Nobody is given more or less, or anywhere else."""
    written = WRITTEN[WRITTEN[mode]] if isinstance(WRITTEN[mode], str) else WRITTEN[mode]
    assert _rights(chart.template(*MODES[mode])) == written


def test_no_mode_can_read_a_secret_or_everything(chart: Chart) -> None:
    """Whatever is set: no ConfigMap, no star, no right to give rights; and Secrets can be made, but never seen."""
    for settings in MODES.values():
        for role in of_kind(chart.template(*settings), "Role", "ClusterRole"):
            for rule in role["rules"]:
                said = {*rule["apiGroups"], *rule["resources"], *rule["verbs"]}
                assert "secrets" not in rule["resources"] or rule["verbs"] == ["create"]
                assert not said & {"*", "configmaps", "rbac.authorization.k8s.io", "escalate", "impersonate", "bind"}


def test_every_pod_runs_as_an_account_of_its_own_that_exists(chart: Chart) -> None:
    """No pod has the namespace's default account mounted."""
    for settings in MODES.values():
        documents = chart.template(*settings)
        accounts = [account["metadata"]["name"] for account in of_kind(documents, "ServiceAccount")]
        for pod in pods(documents).values():
            assert not pod["automountServiceAccountToken"] or pod["serviceAccountName"] in accounts


def test_people_see_and_write_runs_through_the_roles_that_they_have(chart: Chart) -> None:
    """Who may view a namespace views runs; who may edit it writes them, but not their status."""
    documents = chart.template()
    view, edit = named(documents, "ClusterRole", "tandem-view"), named(documents, "ClusterRole", "tandem-edit")
    assert _aggregated_to(view) == {"view", "edit", "admin"}
    assert _aggregated_to(edit) == {"edit", "admin"}
    assert _rules(view["rules"]) == {f"tandem.dev/{kind}": "get list watch" for kind in ("trainingruns", "dualruns")}
    assert _rules(edit["rules"]) == {
        f"tandem.dev/{kind}": "create update patch delete deletecollection" for kind in ("trainingruns", "dualruns")
    }


def test_releases_side_by_side_do_not_share_cluster_wide_names(chart: Chart) -> None:
    """Three namespaces, three operators: none takes over another's roles."""
    names = [
        (each["kind"], each["metadata"]["name"])
        for space in ("tandem", "lab", "desk")
        for each in chart.template(*MODES["one namespace"], namespace=space)
        if "namespace" not in each["metadata"]
    ]
    assert len(set(names)) == len(names) >= 3


def _aggregated_to(role: Document) -> set[str]:
    return {name.removeprefix(_AGGREGATE) for name in role["metadata"]["labels"] if name.startswith(_AGGREGATE)}


def _rights(documents: list[Document]) -> dict[str, Any]:
    """Who may do what where, followed from the bindings to the roles."""
    found: dict[str, Any] = defaultdict(lambda: defaultdict(dict))
    for binding in of_kind(documents, "RoleBinding", "ClusterRoleBinding"):
        role = named(documents, binding["roleRef"]["kind"], binding["roleRef"]["name"])
        space = binding["metadata"].get("namespace")
        assert role["metadata"].get("namespace") == space
        for subject in binding["subjects"]:
            assert subject["namespace"] == "tandem"
            found[subject["name"]][f"in {space}" if space else "everywhere"] |= _rules(role["rules"])
    return {who: dict(where) for who, where in found.items()}


def _rules(rules: list[Document]) -> dict[str, str]:
    told = [
        (" ".join((f"{group}/{resource}", *rule.get("resourceNames", ()))), " ".join(rule["verbs"]))
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    ]
    assert len(dict(told)) == len(told), "two rules of one role for the same thing: the later would hide the earlier here"
    return dict(told)
