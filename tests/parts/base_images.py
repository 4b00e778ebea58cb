"""The images that ours are built upon where no hub is: Python 3.11 unpacked from Debian's own packages, with and without pip."""

import hashlib
import json
import shutil
import subprocess
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from tests.parts import debian
from tests.parts.image_archive import write_image
from tests.parts.part import Missing, Part, Say, need_root

BASE_IMAGE = "localhost/tandem-base:1"
BUILD_BASE_IMAGE = "localhost/tandem-build-base:1"
_FORM = "3"  # of what `_make` does; a new one makes the images anew

_SHELL = ("base-files", "busybox", "ca-certificates", "libc-bin", "libc6", "media-types", "netbase", "tzdata")
_PYTHON = ("python3.11", "python3.11-minimal", "libpython3.11-minimal", "libpython3.11-stdlib", "python3-distutils", "python3-lib2to3")
_LIBRARIES = (  # that Python's own modules, and the wheels of torch, numpy and grpcio, are linked with
    *("libbz2-1.0", "libcrypt1", "libexpat1", "libffi8", "libgcc-s1", "libgomp1", "liblzma5", "libncursesw6"),
    *("libreadline8", "libsqlite3-0", "libssl3", "libstdc++6", "libtinfo6", "libuuid1", "zlib1g"),
)
_BASE = (*_SHELL, *_PYTHON, *_LIBRARIES)
_WITH_PIP = (*_BASE, "python3-pip", "python3-setuptools", "python3-pkg-resources", "python3-wheel")
_MERGED = ("bin", "lib", "lib64", "sbin")  # below /usr, as on Debian itself
_USELESS = ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/lintian", "usr/share/gcc", "usr/share/gdb", "usr/share/info")
_ENVIRON = {
    "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
    "LANG": "C.UTF-8",
    "SSL_CERT_FILE": "/etc/ssl/certs/ca-certificates.crt",
}
_FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\nnonroot:x:65532:65532::/home/nonroot:/bin/sh\n",
    "etc/group": "root:x:0:\nnogroup:x:65534:\nnonroot:x:65532:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}


def _make(image: str, packages: Sequence[str], _: Part, into: Path, say: Say) -> None:
    need_root("making an image")
    debian.need(debian.IMAGES, say)
    root, debs = into / "root", into / "debs"
    debs.mkdir()
    for folder in _MERGED:
        (root / "usr" / folder).mkdir(parents=True)
        (root / folder).symlink_to(f"usr/{folder}")
    for deb in debian.download(packages, debs):
        _unpack(deb, root)
    _furnish(root)
    environ = [f"{name}={value}" for name, value in _ENVIRON.items()]
    write_image(image, root, into / "image.tar", {"Cmd": ["/bin/sh"], "Env": environ, "WorkingDir": "/"})
    shutil.rmtree(root)
    shutil.rmtree(debs)


def _unpack(deb: Path, root: Path) -> None:
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(deb)], stdout=subprocess.PIPE) as files:
        _run("tar", "-x", "--keep-directory-symlink", "-C", str(root), stdin=files.stdout)


def _furnish(root: Path) -> None:
    """What the packages' own scripts would have done, as far as anything here depends on it."""
    for folder in _USELESS:
        shutil.rmtree(root / folder, ignore_errors=True)
    (root / "usr/lib/python3.11/EXTERNALLY-MANAGED").unlink(missing_ok=True)  # an image is its own environment
    applets = subprocess.run([str(root / "bin/busybox"), "--list"], capture_output=True, text=True, check=True).stdout.split()
    for name in [*applets, "python3", "python"]:
        place = root / "usr/bin" / name
        if not place.exists() and not place.is_symlink():
            place.symlink_to("python3.11" if name.startswith("python") else "busybox")
    authorities = sorted((root / "usr/share/ca-certificates").rglob("*.crt"))
    (root / "etc/ssl/certs").mkdir(parents=True, exist_ok=True)
    (root / "etc/ssl/certs/ca-certificates.crt").write_text("".join(each.read_text() for each in authorities))
    for name, text in _FILES.items():
        (root / name).write_text(text)
    for folder in ("tmp", "var/tmp"):
        (root / folder).mkdir(parents=True, exist_ok=True)
        (root / folder).chmod(0o1777)
    _run("ldconfig", "-r", str(root))
    # Every file of a layer has the same time, which a .pyc would be compared with: so these are not compared at all.
    folders = ["/usr/lib/python3.11", "/usr/lib/python3"]
    _run("chroot", str(root), "python3", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", *folders)


def _run(*command: str, stdin: object = None) -> None:
    done = subprocess.run(command, stdin=stdin, capture_output=True, text=True, check=False)  # type: ignore[call-overload]
    if done.returncode:
        msg = f"`{' '.join(command)}` failed ({done.stderr.strip()[-300:]}): making an image takes root and Debian's tools"
        raise Missing(msg)


def _part(name: str, image: str, packages: Sequence[str]) -> Part:
    inputs = json.dumps([_FORM, image, packages, _FILES, _ENVIRON])
    version = hashlib.sha256(inputs.encode()).hexdigest()[:12]
    return Part(name=name, version=version, program="image.tar", make=partial(_make, image, packages))


BASE = _part("base-image", BASE_IMAGE, _BASE)
BUILD_BASE = _part("build-base-image", BUILD_BASE_IMAGE, _WITH_PIP)
