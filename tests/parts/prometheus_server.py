"""Prometheus, out of Debian's package, which scrapes what a test tells it to; and promtool, which knows its rules."""

import json
import math
import os
import shutil
import subprocess
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import urlopen

from tests.parts.debian import need
from tests.parts.part import Say
from tests.parts.running import free_port, running

EVERY_S = 1  # between two scrapes


@dataclass(frozen=True, slots=True)
class Series:
    """A series of an answer, and its value now."""

    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A running Prometheus, at "host:port"."""

    address: str

    def query(self, expr: str) -> list[Series]:
        """What `expr` gives now; values that are no numbers left out.

        Raises:
            AssertionError: With what Prometheus says is wrong about it.
        """
        answer = self._asked("query", query=expr)["result"]
        found = [Series(each["metric"], float(each["value"][1])) for each in answer]
        return [series for series in found if math.isfinite(series.value)]

    def label_values(self, label: str, *selectors: str) -> list[str]:
        """The values that a label has in the series that `selectors` name."""
        return self._asked(f"label/{label}/values", **{"match[]": list(selectors)})

    def _asked(self, what: str, **parameters: object) -> Any:
        try:
            with urlopen(f"http://{self.address}/api/v1/{what}?{urlencode(parameters, doseq=True)}") as answer:
                return json.load(answer)["data"]
        except HTTPError as error:
            raise AssertionError(parameters, error.read().decode()) from None


def obtained(say: Say) -> tuple[Path, Path]:
    """Prometheus and promtool.

    Raises:
        Missing: Where they are not and cannot be had.
    """
    need(["prometheus"], say)
    prometheus, promtool = shutil.which("prometheus"), shutil.which("promtool")
    assert prometheus, "it was just found"
    assert promtool, "the package has both"
    return Path(prometheus), Path(promtool)


@contextmanager
def serving(program: Path, folder: Path, targets: Mapping[str, str]) -> Generator[Prometheus]:
    """A Prometheus that scrapes `targets`, addresses by name of the job, every second."""
    folder.mkdir()
    jobs = [{"job_name": job, "honor_labels": True, "static_configs": [{"targets": [address]}]} for job, address in targets.items()]
    config = {"global": {"scrape_interval": f"{EVERY_S}s"}, "scrape_configs": jobs}
    (folder / "prometheus.yml").write_text(json.dumps(config))  # JSON is YAML
    address = f"127.0.0.1:{free_port()}"
    command = [str(program), f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    command += [f"--web.listen-address={address}", "--log.level=warn"]
    server = Prometheus(address)
    with running(command, environ=os.environ, log=folder / "log", ready=lambda: _ready(address)):
        yield server


def checked(promtool: Path, *arguments: object, text: str = "") -> str:
    """What promtool says of something it finds nothing wrong with.

    Raises:
        AssertionError: With what it says is wrong.
    """
    done = subprocess.run([promtool, *map(str, arguments)], input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def _ready(address: str) -> bool:
    try:
        with urlopen(f"http://{address}/-/ready"):
            return True
    except URLError:
        return False
