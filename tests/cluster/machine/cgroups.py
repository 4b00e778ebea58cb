"""The cgroups that a cluster's processes are counted in: version 1 hierarchies, or the one tree of version 2."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from tests.cluster.site import Site

_TOP = Path("/sys/fs/cgroup")


def made(site: Site, path: str) -> Path:
    """The file through which a process enters `path` of the cluster, made if need be."""
    for hierarchy in _hierarchies():
        ours = hierarchy / site.name
        if not ours.exists():
            ours.mkdir()
            if hierarchy.name == "cpuset":  # a new cpuset is empty, and so takes no process
                for file in ("cpuset.cpus", "cpuset.mems"):
                    (ours / file).write_text((hierarchy / file).read_text())
                (ours / "cgroup.clone_children").write_text("1")
        (ours / path).mkdir(parents=True, exist_ok=True)
        if _unified():
            _pass_on_controllers(ours, path)
    return _memory() / site.name / path / "cgroup.procs"


def emptied(site: Site, path: str = "") -> bool:
    """Remove the cgroup and all below; false as long as a process is in one of them."""
    left = False
    for hierarchy in {*_hierarchies(), _TOP / "unified"}:
        for folder in sorted((hierarchy / site.name / path).glob("**/"), reverse=True):
            try:
                folder.rmdir()
            except FileNotFoundError:
                continue
            except OSError:
                left = True
    return not left


def members(site: Site) -> Iterator[int]:
    """Every process that is in a cgroup of the cluster."""
    for file in (_memory() / site.name).rglob("cgroup.procs"):
        with suppress(OSError):
            yield from map(int, file.read_text().split())


def resident_bytes(site: Site) -> Iterator[tuple[str, int]]:
    """What each node (with its pods) and the control plane hold, without file pages."""
    for folder in sorted((_memory() / site.name).glob("*/")):
        stat = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
        yield folder.name, int(stat["anon" if _unified() else "total_rss"])


def _unified() -> bool:
    return (_TOP / "cgroup.controllers").exists()


def _memory() -> Path:
    return _TOP if _unified() else _TOP / "memory"


def _hierarchies() -> list[Path]:
    if _unified():
        return [_TOP]
    return [each for each in _TOP.iterdir() if each.name != "unified" and (each / "cgroup.procs").exists()]


def _pass_on_controllers(ours: Path, path: str) -> None:
    """Version 2 hands a controller down only where it is told to."""
    controllers = " ".join(f"+{each}" for each in (_TOP / "cgroup.controllers").read_text().split())
    parts = Path(path).parts
    for folder in (_TOP, *(ours.joinpath(*parts[:depth]) for depth in range(len(parts)))):
        (folder / "cgroup.subtree_control").write_text(controllers)
