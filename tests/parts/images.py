"""Builds our images from their Dockerfiles with buildah, without a daemon or a hub: once for each version of their inputs.

A build sees the context's files that git knows of and the Dockerfile copies, no others: so these are the inputs. How pip
finds packages on this machine is lent to the build and stays out of the image.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.parts import debian
from tests.parts.base_images import BASE, BASE_IMAGE, BUILD_BASE, BUILD_BASE_IMAGE
from tests.parts.image_record import Record
from tests.parts.part import Part, Say, cache, need_root, obtain
from tests.parts.pip_settings import lent_to_pip

_BASES = {BASE_IMAGE: BASE, BUILD_BASE_IMAGE: BUILD_BASE}
_IGNORED = ".dockerignore"
_NAMELESS = 24  # images kept that a newer one of their name has replaced (nodes may run on them still), and stages (builds go on from them)


def build(dockerfile: Path, tag: str, context: Path, build_args: Mapping[str, str], say: Say = print) -> Path:
    """The image, built now if any of its inputs is new: the file of its `Record` (image_record.py), for `Cluster.load_image`.

    Args:
        dockerfile: Which; relative to the context, or absolute.
        tag: The image's name, such as `localhost/tandem-operator:dev`.
        context: The folder that COPY copies from; in a git working tree.
        build_args: Values for ARG; `BASE_IMAGE` and `BUILD_BASE_IMAGE` (base_images.py) are there to be named.
        say: Where a long build tells of itself.

    Raises:
        Missing: If buildah, or a base image, cannot be had here.
        RuntimeError: If the build fails; with the end of what it said.
    """
    need_root("building an image")
    debian.need(debian.IMAGES, say)
    dockerfile = context / dockerfile
    files = sorted(_files(dockerfile, context))
    key = _key(dockerfile, files, context, build_args)
    path = cache(os.environ).parent / "images" / tag.replace("/", "_").replace(":", "_") / f"{key}.json"
    with _locked(path.parent):
        if not path.exists() or not Record.read(path).usable:
            began = time.monotonic()
            say(f"{tag} is not built from these inputs yet; building it, once")
            _build(dockerfile, files, tag, context, build_args, say)
            _record(tag).write(path)
            _sweep()
            say(f"{tag} is ready after {time.monotonic() - began:.0f} s")
    return path


def _build(  # noqa: PLR0917  the same inputs as `build`, found
    dockerfile: Path, files: list[Path], tag: str, context: Path, build_args: Mapping[str, str], say: Say
) -> None:
    for image in set(build_args.values()) & set(_BASES):
        _load(_BASES[image], say)
    with tempfile.TemporaryDirectory(prefix="tandem-image-") as folder:
        staged = Path(folder) / "context"
        staged.mkdir()
        for file in files:
            (staged / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(context / file, staged / file, follow_symlinks=False)
        arguments = [f"--build-arg={name}={value}" for name, value in build_args.items()]
        lent = [f"--volume={ours}:{theirs}" for ours, theirs in lent_to_pip(Path(folder))]
        options = ["--layers", "--force-rm", "--pull-never", "--format=docker", *arguments, *lent]
        _buildah("build", *options, f"--file={dockerfile}", f"--tag={tag}", str(staged))


def _sweep() -> None:
    """Remove what is too old for anybody to need: a disk that fills up has nodes throw away images that they cannot pull again."""
    for image in too_old(json.loads(_buildah("images", "--filter=dangling=true", "--json") or "null") or []):
        with suppress(RuntimeError):  # in use, by a build that runs beside us
            _buildah("rmi", image)


def too_old(nameless: Iterable[Mapping[str, Any]]) -> list[str]:
    """The ids of those images, as buildah lists them, that are not among the newest ones."""
    return [each["id"] for each in sorted(nameless, key=lambda each: each["created"], reverse=True)[_NAMELESS:]]


def _record(tag: str) -> Record:
    """Where in buildah's storage the image is (containers/storage, overlay driver): its layers are unpacked there already."""
    found = json.loads(_buildah("inspect", "--type=image", tag))
    images = json.loads((_storage() / "storage/overlay-images/images.json").read_text())
    layers = {each["id"]: each for each in json.loads((_storage() / "storage/overlay-layers/layers.json").read_text())}
    layer = next(each["layer"] for each in images if each["id"] == found["FromImageID"])
    folders: list[Path] = []
    while layer:
        folders.insert(0, _storage() / "storage/overlay" / layer / "diff")
        layer = layers[layer].get("parent")
    return Record.unpacked([tag], found["Manifest"], found["Config"], folders)


def _load(part: Part, say: Say) -> None:
    """Have a base image in buildah's storage, in its present version."""
    archive = obtain(part, os.environ, say)
    marker = _storage() / f"loaded-{part.name}-{part.version}"
    if not marker.exists():
        _buildah("pull", "--quiet", f"docker-archive:{archive}")
        marker.touch()


def _files(dockerfile: Path, context: Path) -> Iterator[Path]:
    """The files that git knows of below what the Dockerfile copies from the context."""
    sources = list(_sources(dockerfile.read_text()))
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", _IGNORED, *sources]
    listed = subprocess.run(command, cwd=context, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if (context / name).exists():
            yield Path(name)


def _sources(text: str) -> Iterator[str]:
    """What COPY and ADD name, except what they take from other stages."""
    for line in text.replace("\\\n", " ").splitlines():
        verb, *words = line.split() or [""]
        flags = [word for word in words if word.startswith("--")]
        if verb.upper() in {"COPY", "ADD"} and not any(flag.startswith("--from=") for flag in flags):
            yield from [word for word in words if word not in flags][:-1]


def _key(dockerfile: Path, files: list[Path], context: Path, build_args: Mapping[str, str]) -> str:
    versions = {image: part.version for image, part in _BASES.items() if image in build_args.values()}
    digest = hashlib.sha256(json.dumps([sorted(build_args.items()), versions]).encode())
    digest.update(dockerfile.read_bytes())
    for file in files:
        path = context / file
        content = str(path.readlink()).encode() if path.is_symlink() else path.read_bytes()
        digest.update(f"\0{file}\0{path.lstat().st_mode & 0o111}\0{hashlib.sha256(content).hexdigest()}".encode())
    return digest.hexdigest()[:16]


def _storage() -> Path:
    return cache(os.environ).parent / "buildah"


def _buildah(*arguments: str) -> str:
    storage = _storage()
    storage.mkdir(parents=True, exist_ok=True)
    places = [f"--root={storage / 'storage'}", f"--runroot={storage / 'run'}", "--storage-driver=overlay"]
    policy = storage / "policy.json"  # of signatures: what we made ourselves has none
    policy.write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
    verb, *rest = arguments
    signed = [f"--signature-policy={policy}"] if verb in {"build", "pull", "push"} else []
    environ = {**os.environ, "BUILDAH_ISOLATION": "chroot"}
    done = subprocess.run(["buildah", *places, verb, *signed, *rest], env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        msg = f"`buildah {verb}` failed: {done.stdout[-3000:]}{done.stderr[-3000:]}"
        raise RuntimeError(msg)
    return done.stdout


@contextmanager
def _locked(folder: Path) -> Generator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def bases() -> dict[str, str]:
    """The usual build arguments: `BASE` and `BUILD_BASE`, the images without and with pip."""
    return {"BASE": BASE_IMAGE, "BUILD_BASE": BUILD_BASE_IMAGE}
