"""Programs that Debian has packages for: found on this machine, or installed when root under CI asks for them."""

import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from tests.parts.part import Missing, Say, required

PACKAGES = {  # a file that proves it: the package
    "apt-get": "apt",
    "buildah": "buildah",
    "containerd": "containerd",
    "iptables": "iptables",
    "ip": "iproute2",
    "/usr/lib/cni/ptp": "containernetworking-plugins",
    "java": "openjdk-17-jre-headless",
    "mvn": "maven",
    "openssl": "openssl",
    "prometheus": "prometheus",
    "runc": "runc",
}
CLUSTER = ("containerd", "runc", "/usr/lib/cni/ptp", "iptables", "ip", "openssl")
IMAGES = ("apt-get", "buildah")
CASSANDRA = ("java", "mvn")


def need(files: Iterable[str], say: Say) -> None:
    """Return when all are there.

    Raises:
        Missing: If one is not, and this is not CI as root; with the command that installs it.
    """
    lacking = sorted({PACKAGES[file] for file in files if not _found(file)})
    if not lacking:
        return
    command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *lacking]
    if os.geteuid() or not required(os.environ) or not shutil.which("apt-get"):
        msg = f"missing on this machine: {', '.join(lacking)}: run `{' '.join(command)}` as root"
        raise Missing(msg)
    say(f"installing {', '.join(lacking)}")
    for each in (["apt-get", "update", "-qq"], command):
        _run(each)


def download(packages: Iterable[str], folder: Path) -> list[Path]:
    """The files of these packages, from wherever apt's sources say.

    Raises:
        Missing: If they cannot be had.
    """
    command = ["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", *packages]
    try:
        _run(command, folder)
    except Missing:  # apt's lists are missing, or older than its sources
        _run(["apt-get", "update", "-qq"])
        _run(command, folder)
    return sorted(folder.glob("*.deb"))


def _found(file: str) -> bool:
    return Path(file).exists() if file.startswith("/") else bool(shutil.which(file, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"))


def _run(command: list[str], folder: Path | None = None) -> None:
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}  # 1: packages do not start their daemons
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()[-1]
        msg = f"`{' '.join(command)}` failed ({said}): check the network and apt's sources"
        raise Missing(msg)
