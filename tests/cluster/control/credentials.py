"""A certificate authority, and a token and kubeconfig for each user; nodes that may come have theirs, too."""

import base64
import json
import secrets
from pathlib import Path

from tests.cluster.machine.processes import sh
from tests.cluster.node.node import every
from tests.cluster.site import Site


def write_credentials(site: Site) -> None:
    """Everything below `site.pki`, and `<user>.conf` for each user."""
    site.pki.mkdir(parents=True)
    names = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost"]
    addresses = [site.host, site.kubernetes_service, "127.0.0.1"]
    _write_certificate(site, "ca", "/CN=tandem-test-ca", [])
    _write_certificate(site, "apiserver", "/CN=kube-apiserver", [*(f"DNS:{n}" for n in names), *(f"IP:{a}" for a in addresses)])
    _write_certificate(site, "to-kubelets", "/O=system:masters/CN=kube-apiserver", ["DNS:none"])
    sh("openssl", "genrsa", "-out", site.pki / "sa.key", "2048")
    users = [("admin", "admin", "system:masters"), ("kube-proxy", "system:kube-proxy", "")]
    users += [(node.name, f"system:node:{node.name}", "system:nodes") for node in every(site)]
    with (site.pki / "tokens.csv").open("w") as file:
        for name, user, group in users:
            token = secrets.token_hex(16)
            write_kubeconfig(site.run / f"{name}.conf", site.server, token, site.pki / "ca.crt")
            file.write(f'{token},{user},{name},"{group}"\n')


def write_kubeconfig(path: Path, server: str, token: str, authority: Path | None) -> None:
    """A kubeconfig (which is YAML, and so may be JSON) that needs no other file."""
    trust = {"certificate-authority-data": base64.b64encode(authority.read_bytes()).decode()} if authority else {}
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


def _write_certificate(site: Site, name: str, subject: str, names: list[str]) -> None:
    signer: list[object] = []
    if names:
        signer = ["-CA", site.pki / "ca.crt", "-CAkey", site.pki / "ca.key", "-addext", f"subjectAltName={','.join(names)}"]
        signer += ["-addext", "basicConstraints=critical,CA:FALSE"]
    key, certificate = site.pki / f"{name}.key", site.pki / f"{name}.crt"
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3650"]
    sh("openssl", "req", "-x509", *kind, "-keyout", key, "-out", certificate, "-subj", subject, *signer)
