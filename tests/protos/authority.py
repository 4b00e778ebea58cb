"""Certificates made on the spot, by an authority of the tests' own (the openssl command)."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

needs_openssl = pytest.mark.skipif(not shutil.which("openssl"), reason="needs the openssl command: apt-get install openssl")


@dataclass(frozen=True)
class Authority:
    """A certificate authority in a folder of its own."""

    folder: Path

    @property
    def certificate(self) -> Path:
        return self.folder / "ca.crt"

    def issue(self, name: str, *, also: str = "IP:127.0.0.1") -> tuple[Path, Path]:
        certificate, key = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        request = _openssl(
            "req", "-newkey", "ec", *_CURVE, "-nodes", "-keyout", key, "-subj", f"/CN={name}", "-addext", f"subjectAltName={also}"
        )
        _openssl(
            "x509",
            "-req",
            "-CA",
            self.certificate,
            "-CAkey",
            self.folder / "ca.key",
            "-copy_extensions",
            "copy",
            "-out",
            certificate,
            stdin=request,
        )
        return certificate, key


_CURVE = ("-pkeyopt", "ec_paramgen_curve:P-256")


def _openssl(*arguments: object, stdin: bytes = b"") -> bytes:
    return subprocess.run(["openssl", *map(str, arguments)], input=stdin, capture_output=True, check=True).stdout


def authority(folder: Path) -> Authority:
    folder.mkdir()
    _openssl(
        "req",
        "-x509",
        "-newkey",
        "ec",
        *_CURVE,
        "-nodes",
        "-keyout",
        folder / "ca.key",
        "-out",
        folder / "ca.crt",
        "-subj",
        "/CN=authority",
    )
    return Authority(folder)
