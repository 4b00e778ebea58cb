"""A cluster leaves nothing behind, whoever ends it."""

import os
import subprocess
import sys
import time
from pathlib import Path

from tests.cluster import life
from tests.cluster.life import Wanted
from tests.cluster.machine import cgroups
from tests.cluster.programs import obtained
from tests.cluster.site import Site

PATIENCE_S = 300


def traces(site: Site) -> list[str]:
    """All that this machine has of the cluster."""
    found = [f"process {pid}" for pid in cgroups.members(site)]
    found += [str(path) for path in Path("/sys/fs/cgroup").glob(f"*/{site.name}")]
    found += [str(path) for path in Path("/run/netns").glob(f"{site.name}-*")]
    found += [line for line in _said("ip", "route") if f"dev {site.name} " in f"{line} "]
    found += [line for line in _said("ip", "-brief", "link") if line.split("@")[0].split()[0] == site.name]
    found += [line for line in Path("/proc/self/mounts").read_text().splitlines() if f"{site.run}/" in line]
    return found + ([str(site.run)] if site.run.exists() else [])


def _said(*command: str) -> list[str]:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def test_down_leaves_nothing(spare_site: Site) -> None:
    """No process, namespace, link, route, mount, cgroup or file is left of a cluster that was stopped."""
    before = traces(spare_site)
    life.up(spare_site, Wanted(nodes=1), obtained(print))
    during = traces(spare_site)
    life.down(spare_site)
    assert len(during) > 10
    assert before == traces(spare_site) == []


STARTER = """
import os, sys
from tests.cluster import life
from tests.cluster.programs import obtained
from tests.cluster.site import Site
life.up(Site.numbered(int(sys.argv[1])), life.Wanted(nodes=0, owner=os.getpid()), obtained(print))
print("up", flush=True)
sys.stdin.read()
"""


def test_not_even_a_kill_leaves_it_behind(spare_site: Site) -> None:
    """When the test run that started a cluster is killed by SIGKILL, the cluster goes, too."""
    command = [sys.executable, "-c", STARTER, str(spare_site.number)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": "."}) as starter:
        assert starter.stdout
        assert starter.stdout.readline() == b"up\n"
        assert life.is_up(spare_site)
        starter.kill()
    assert not life.is_up(spare_site)
    give_up = time.monotonic() + PATIENCE_S
    while traces(spare_site):
        assert time.monotonic() < give_up, traces(spare_site)
        time.sleep(0.1)
