"""Kubernetes: etcd, all its daemons and kubectl in one binary, built from the Go module in `kube/`, and the pause image."""

import hashlib
import shutil
from pathlib import Path

from tests.parts import go
from tests.parts.image_archive import write_image
from tests.parts.part import Part, Say

_MODULE = Path(__file__).with_name("kube")
_KUBERNETES = "v1.34.2"  # the last minor release whose kubelet takes cgroup v1 without being asked
_PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "kubectl")
PAUSE_IMAGE = "localhost/pause:1"
PAUSE_ARCHIVE = "pause.tar"  # beside the programs


def _version() -> str:
    digest = hashlib.sha256()
    for name in ("go.mod", "go.sum", "main.go", "pause/main.go"):
        digest.update((_MODULE / name).read_bytes())
    return f"{_KUBERNETES}-{digest.hexdigest()[:12]}"


def _make(_: Part, into: Path, say: Say) -> None:
    compiler = go.program_for(KUBE)
    major, minor, _patch = _KUBERNETES[1:].split(".")
    facts = {"gitVersion": _KUBERNETES, "gitMajor": major, "gitMinor": minor}
    said = " ".join(f"-X k8s.io/component-base/version.{name}={value}" for name, value in facts.items())
    command = [compiler, "build", f"{go.STRIPPED} {said}", go.LEAN, "-o", str(into / "kube"), "."]
    go.built(command, "go build kube", folder=_MODULE, log=into / "build.log", environ={}, say=say)
    for program in _PROGRAMS:
        (into / program).symlink_to("kube")
    root = into / "pause"
    command = [compiler, "build", go.STRIPPED, go.LEAN, "-o", str(root / "pause"), "./pause"]
    go.built(command, "go build pause", folder=_MODULE, log=into / "build.log", environ={"CGO_ENABLED": "0"}, say=say)
    write_image(PAUSE_IMAGE, root, into / PAUSE_ARCHIVE, {"Entrypoint": ["/pause"]})
    shutil.rmtree(root)


KUBE = Part(name="kube", version=_version(), program="kube", make=_make)
