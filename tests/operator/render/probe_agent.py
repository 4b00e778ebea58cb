"""Stands in for the agent in a pod of Tandem's: finds out whether all that the real one needs is there, and says so in its last words."""

import json
import os
import socket
import sys
import tempfile
import time
from pathlib import Path


def writable(folder: str) -> bool:
    """Whether a file can be made there."""
    try:
        with tempfile.NamedTemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def met(rank: int, host: str, port: int) -> bool:
    """Whether worker 0 is reached by the name that all were told; DNS takes a while to learn it, so it is tried again, as torch does."""
    server = socket.create_server(("", port)) if rank == 0 else None
    while True:
        try:
            line = socket.create_connection((host, port), timeout=5)
        except OSError:
            time.sleep(0.1)
            continue
        with line:
            if server:
                for _ in range(int(os.environ["TANDEM_WORKERS"])):
                    server.accept()[0].sendall(b"here")
            return line.recv(4) == b"here"


def found() -> dict[str, object]:
    """What the pod gave."""
    host, _, port = os.environ["TANDEM_RENDEZVOUS"].rpartition(":")
    for name in ("HF_HOME", "TORCH_HOME", "TRITON_CACHE_DIR", "XDG_CACHE_HOME"):
        Path(os.environ[name]).mkdir(parents=True)
    return {
        "user": [os.getuid(), os.getgid()],
        "writable": [place for place in ("/tandem/scratch", "/tandem/cache", "/tmp", "/dev/shm", "/", "/usr") if writable(place)],  # noqa: S108
        "token": Path(os.environ["TANDEM_TOKEN_FILE"]).read_text().count("."),
        "rights": Path("/var/run/secrets/kubernetes.io").exists(),
        "args": json.loads(os.environ["TANDEM_JOB"])["trainer"]["args"],
        "key": os.environ["AWS_ACCESS_KEY_ID"],
        "knows itself": socket.gethostbyname(socket.gethostname()) != "127.0.0.1",
        "met": met(int(os.environ["TANDEM_WORKER_RANK"]), host, int(port)),
    }


if __name__ == "__main__":
    Path(os.environ["TANDEM_TERMINATION_LOG"]).write_text(json.dumps(found()))
    sys.exit(0)
