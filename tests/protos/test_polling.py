"""Who reads the wire is settled before gRPC is loaded: afterwards it does not look any more."""

import os
import subprocess
import sys

import pytest

SPEAKING = (
    "import tandem_rpc",
    "import tandem_memory.program.process",
    "import tandem_telemetry.main",
    "import tandem_reasoning.coordinator.process",
    "import tandem_operator.cluster.main",
    "import tandem_reasoning.worker.__main__",
    "from tandem_memory.client import Memory; Memory('127.0.0.1:1', 'x').close()",
)
FORMER_WAY = "-event_engine_client,-event_engine_listener"
SETTINGS = {"GRPC_EXPERIMENTS", "GRPC_CLIENT_CHANNEL_BACKUP_POLL_INTERVAL_MS"}
# Prints what the environment says at the moment at which gRPC is loaded.
LOOK = """
import importlib.abc, os, sys
class Look(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == "grpc":
            print(os.environ.get("GRPC_EXPERIMENTS"), os.environ.get("GRPC_CLIENT_CHANNEL_BACKUP_POLL_INTERVAL_MS"))
sys.meta_path.insert(0, Look())
"""


@pytest.mark.parametrize("speaking", SPEAKING)
def test_before_grpc_is_loaded(speaking: str) -> None:
    """Whatever is imported first; and gRPC knows every name that it is told. A newer gRPC: see whether it does, and move `_BEYOND` on."""
    assert _said(speaking) == (FORMER_WAY, "250", False)


def test_the_environment_has_its_own_word() -> None:
    """Who says something of experiments is let have them."""
    assert _said(SPEAKING[0], GRPC_EXPERIMENTS="event_engine_client") == ("event_engine_client", "250", False)


def test_looks_between_calls_are_as_often_as_the_environment_says() -> None:
    """Four times a second unless it says otherwise: gRPC's own five seconds are what a client waits for a service that is back."""
    assert _said(SPEAKING[0], GRPC_CLIENT_CHANNEL_BACKUP_POLL_INTERVAL_MS="5000") == (FORMER_WAY, "5000", False)


@pytest.mark.parametrize("version", ["1.86.0", "2.0.0"])
def test_releases_that_do_not_know_the_names(version: str) -> None:
    """They are told nothing, since an unknown name is an error in the log."""
    told = f"import importlib.metadata as metadata; metadata.version = lambda _: {version!r}\n"
    assert _said(told + SPEAKING[0]) == ("None", "250", False)


def _said(program: str, **environment: str) -> tuple[str, str, bool]:
    """What the environment said when gRPC was loaded, and whether there was a word of unknown names."""
    environ = {name: value for name, value in os.environ.items() if name not in SETTINGS} | environment
    run = subprocess.run([sys.executable, "-c", LOOK + program], capture_output=True, text=True, check=True, env=environ)
    way, every_ms = run.stdout.split()
    return way, every_ms, "experiment" in run.stderr.lower()
