"""`python -m tests.cluster.control.volumes N`: make a directory into a volume for each claim of the classes in objects.yaml."""

import shutil
import sys
import time
from http.client import HTTPException
from pathlib import Path
from typing import Any

from tests.cluster.control import api
from tests.cluster.site import Site

_PROVISIONER = "tandem.test/directory"
_PAUSE_S = 1.0


def main(site: Site) -> None:
    while True:
        try:
            _step(site)
        except (OSError, HTTPException) as error:  # the API server is away
            print(error, file=sys.stderr, flush=True)
        time.sleep(_PAUSE_S)


def _step(site: Site) -> None:
    classes = _classes(site)
    for claim in api.call(site, "GET", "/api/v1/persistentvolumeclaims")["items"]:
        kind = claim["spec"].get("storageClassName")
        node = claim["metadata"].get("annotations", {}).get("volume.kubernetes.io/selected-node")
        if kind in classes and "volumeName" not in claim["spec"] and (classes[kind] or node):
            _provision(site, claim, None if classes[kind] else node)
    for volume in api.call(site, "GET", "/api/v1/persistentvolumes")["items"]:
        if volume["spec"].get("storageClassName") in classes and volume["status"]["phase"] == "Released":
            _remove(site, volume["metadata"]["name"])


def _classes(site: Site) -> dict[str, bool]:
    """Which storage classes are ours, and whether their volumes are shared by all nodes."""
    found = api.call(site, "GET", "/apis/storage.k8s.io/v1/storageclasses")["items"]
    return {each["metadata"]["name"]: "shared" in (each.get("parameters") or {}) for each in found if each["provisioner"] == _PROVISIONER}


def _provision(site: Site, claim: dict[str, Any], node: str | None) -> None:
    """On the disk of `node`, where the scheduler put the pod; or, if None, shared by all nodes."""
    meta, spec = claim["metadata"], claim["spec"]
    name = f"pvc-{meta['uid']}"
    here = {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}]}
    path = f"/var/volumes/{name}" if node else str(site.run / "shared" / name)
    folder = site.run / node / "var/volumes" / name if node else Path(path)
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o777)  # as k3s does: fsGroup has no effect on folders of a node, and pods are not root
    volume = {
        "storageClassName": spec["storageClassName"],
        "accessModes": spec["accessModes"],
        "capacity": {"storage": spec["resources"]["requests"]["storage"]},
        "persistentVolumeReclaimPolicy": "Delete",
        "claimRef": {"apiVersion": "v1", "kind": "PersistentVolumeClaim", **{key: meta[key] for key in ("uid", "namespace", "name")}},
        "hostPath": {"path": path, "type": "DirectoryOrCreate"},
        **({"nodeAffinity": {"required": {"nodeSelectorTerms": [here]}}} if node else {}),
    }
    about = {"name": name, "annotations": {"pv.kubernetes.io/provisioned-by": _PROVISIONER}}
    api.call(site, "POST", "/api/v1/persistentvolumes", {"metadata": about, "spec": volume})


def _remove(site: Site, name: str) -> None:
    api.call(site, "DELETE", f"/api/v1/persistentvolumes/{name}")
    for folder in [site.run / "shared", *site.run.glob("node*/var/volumes")]:
        shutil.rmtree(folder / name, ignore_errors=True)


if __name__ == "__main__":
    main(Site.numbered(int(sys.argv[1])))
