"""A release of the operator that knew no certificates: how it told the parts of a DualRun to speak, and what it kept in their Secret."""

import hashlib
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

import pytest
from tandem_operator.api.dual_run import DualRun
from tandem_operator.cluster.dual import starting
from tandem_operator.plan.dual.values import Part
from tandem_operator.render.cluster_site import PodSite
from tandem_operator.render.dual import credentials, parts
from tandem_operator.render.dual.credentials import Credentials
from tandem_operator.render.manifest import Manifest

_TLS: Final = ("TANDEM_COORDINATOR_TLS_CERT", "TANDEM_COORDINATOR_TLS_KEY", "TANDEM_TLS_CA")
_PLAINTEXT: Final = {"coordinator": ("TANDEM_COORDINATOR_PLAINTEXT", "true"), "worker": ("TANDEM_PLAINTEXT", "1")}


@contextmanager
def former_release() -> Generator[None]:
    """Within it this process is one."""
    with pytest.MonkeyPatch.context() as patch:
        make = credentials.secret
        patch.setattr(Credentials, "digest", property(lambda each: hashlib.sha256(each.token.encode()).hexdigest()[:8]))
        patch.setattr(credentials, "secret", lambda run, known_by: _token_alone(make(run, known_by)))
        patch.setattr(starting, "pod_of", _pod_of)
        yield


def _token_alone(secret: Manifest) -> Manifest:
    return {**secret, "data": {"token": secret["data"]["token"]}}


def _pod_of(part: Part, run: DualRun, site: PodSite, digest: str) -> Manifest:
    made = parts.pod_of(part, run, site, digest)
    (container,) = made["spec"]["containers"]
    if said := _PLAINTEXT.get(container["name"]):
        container["env"] = [each for each in container["env"] if each["name"] not in _TLS] + [{"name": said[0], "value": said[1]}]
        for volume in made["spec"]["volumes"]:
            if volume["name"] == "credentials":
                volume["projected"]["sources"][0]["secret"]["items"] = [{"key": "token", "path": "token"}]
    return made
