"""A certificate authority, and a token and kubeconfig for each user; nodes that may come have theirs, too."""

import base64
import json
import secrets
from collections.abc import Sequence
from pathlib import Path

from tests.cluster.machine.processes import sh
from tests.cluster.node.node import every
from tests.cluster.site import Site


def write_credentials(site: Site) -> None:
    """Everything below `site.pki`, and `<user>.conf` for each user."""
    site.pki.mkdir(parents=True)
    names = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost"]
    addresses = [site.host, site.kubernetes_service, "127.0.0.1"]
    write_certificate(site.pki, "ca", "/CN=tandem-test-ca")
    write_certificate(site.pki, "apiserver", "/CN=kube-apiserver", [*(f"DNS:{n}" for n in names), *(f"IP:{a}" for a in addresses)], "ca")
    write_certificate(site.pki, "to-kubelets", "/O=system:masters/CN=kube-apiserver", ["DNS:none"], "ca")
    sh("openssl", "genrsa", "-out", site.pki / "sa.key", "2048")
    users = [("admin", "admin", "system:masters"), ("kube-proxy", "system:kube-proxy", "")]
    users += [(node.name, f"system:node:{node.name}", "system:nodes") for node in every(site)]
    with (site.pki / "tokens.csv").open("w") as file:
        for name, user, group in users:
            token = secrets.token_hex(16)
            write_kubeconfig(site.run / f"{name}.conf", site.server, token, site.pki / "ca.crt")
            file.write(f'{token},{user},{name},"{group}"\n')


def write_kubeconfig(path: Path, server: str, token: str, authority: Path) -> None:
    """A kubeconfig (which is YAML, and so may be JSON) that needs no other file."""
    trust = {"certificate-authority-data": base64.b64encode(authority.read_bytes()).decode()}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "tandem",
        "clusters": [{"name": "tandem", "cluster": {"server": server, **trust}}],
        "users": [{"name": "tandem", "user": {"token": token}}],
        "contexts": [{"name": "tandem", "context": {"cluster": "tandem", "user": "tandem"}}],
    }
    path.touch(mode=0o600)
    path.write_text(json.dumps(config, indent=1))


def write_certificate(folder: Path, name: str, subject: str, names: Sequence[str] = (), authority: str = "") -> None:
    """`<name>.crt` and `<name>.key`, for these names, signed by itself or by another of the folder."""
    said = ["-addext", f"subjectAltName={','.join(names)}"] if names else []
    if authority:
        said += ["-CA", str(folder / f"{authority}.crt"), "-CAkey", str(folder / f"{authority}.key")]
        said += ["-addext", "basicConstraints=critical,CA:FALSE"]
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3650"]
    sh("openssl", "req", "-x509", *kind, "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.crt", "-subj", subject, *said)
