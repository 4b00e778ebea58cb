"""How much host memory a process may take, by the kernel's own files."""

from pathlib import Path

import pytest
from tandem_trainer import host_memory
from tandem_trainer.host_memory import ITSELF_BYTES, limit, of_control_group

GIB = 2**30
BUT = "but for 512 MiB that the program itself takes,"
UNLIMITED = 9223372036854771712  # what version 1 writes where nothing was set: the most pages that 63 bits can number


def kernel(root: Path, *, own: str, **files: object) -> Path:
    """The files of a kernel: /proc/self/cgroup, and others by their paths."""
    for path, text in {"proc/self/cgroup": own, **files}.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{text}\n")
    return root


def test_a_pod_of_version_2_has_the_limit_of_its_container(tmp_path: Path) -> None:
    """Its group is the topmost that it sees."""
    root = kernel(tmp_path, own="0::/", **{"sys/fs/cgroup/memory.max": 2 * GIB})
    assert of_control_group(root) == 2 * GIB


def test_a_pod_of_version_1_has_the_limit_of_its_container(tmp_path: Path) -> None:
    """Its group has a long name there, but is mounted as the topmost one."""
    own = "12:cpu,cpuacct:/kubepods/pod7/c1\n9:memory:/kubepods/pod7/c1\n1:name=systemd:/kubepods/pod7/c1\n0::/system.slice"
    root = kernel(tmp_path, own=own, **{"sys/fs/cgroup/memory/memory.limit_in_bytes": 3 * GIB})
    assert of_control_group(root) == 3 * GIB


@pytest.mark.parametrize(
    ("own", "folder", "name", "without"),
    [
        ("0::/user.slice/one.service", "sys/fs/cgroup", "memory.max", "max"),
        ("4:memory:/user.slice/one.service", "sys/fs/cgroup/memory", "memory.limit_in_bytes", UNLIMITED),
    ],
)
def test_a_group_above_may_allow_less(tmp_path: Path, own: str, folder: str, name: str, without: object) -> None:
    """The least counts, whichever group says it; one that says none does not."""
    files: dict[str, object] = {f"{folder}/user.slice/one.service/{name}": 4 * GIB, f"{folder}/user.slice/{name}": GIB}
    assert of_control_group(kernel(tmp_path, own=own, **files)) == GIB
    files[f"{folder}/user.slice/{name}"] = without
    assert of_control_group(kernel(tmp_path, own=own, **files)) == 4 * GIB


def test_without_limits_the_machine_is_the_limit(tmp_path: Path) -> None:
    """No such files, as on a Mac; or files that set none."""
    assert limit(None, root=tmp_path, machine=8 * GIB).bytes == 8 * GIB - ITSELF_BYTES
    root = kernel(tmp_path, own="0::/", **{"sys/fs/cgroup/memory.max": "max"})
    assert of_control_group(root) is None
    assert limit(None, root=root, machine=8 * GIB).said_by == f"{BUT} this machine has"


def test_the_least_of_three_binds(tmp_path: Path) -> None:
    """Whoever declares more than there is gets what there is; the sentence names who said it."""
    root = kernel(tmp_path, own="0::/", **{"sys/fs/cgroup/memory.max": 2 * GIB})
    bound = {declared: limit(declared, root=root, machine=8 * GIB) for declared in (GIB, 5 * GIB)}
    assert (bound[GIB].bytes, bound[GIB].said_by) == (GIB, "trainer.experts.memory.host says")
    allowed = 2 * GIB - ITSELF_BYTES
    assert (bound[5 * GIB].bytes, bound[5 * GIB].said_by) == (allowed, f"{BUT} its control group (pod.memory on a cluster) allows")
    assert limit(5 * GIB, root=root, machine=GIB).said_by == f"{BUT} this machine has"
    assert limit(None, root=root, machine=ITSELF_BYTES // 2).bytes == 0


def test_this_process_has_a_limit() -> None:
    """What is read here is some memory, and no more than the machine has."""
    assert 0 < limit(None).bytes <= host_memory._of_machine()
