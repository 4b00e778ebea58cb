"""How pip finds packages on this machine, as files to be mounted where an image is built: indexes, wheels, certificates, cache."""

import configparser
import os
from collections.abc import Iterator
from pathlib import Path

from tests.parts.part import cache

_FILES = ("/etc/pip.conf", "~/.pip/pip.conf", "~/.config/pip/pip.conf")  # the later wins (pip.pypa.io, configuration)
_LENT = ("index-url", "extra-index-url", "find-links", "no-index", "trusted-host", "proxy", "timeout", "retries", "client-cert")
_CACHE = "/var/cache/pip"  # in a build
_AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")  # the place in Debian, and in our base images


def lent_to_pip(folder: Path) -> Iterator[tuple[Path, str]]:
    """Pairs: a path of this machine, made in `folder` if need be; where a build is to see it."""
    settings = _settings()
    config = configparser.RawConfigParser()
    config["global"] = {
        **settings,
        "cert": str(_AUTHORITIES),
        "cache-dir": _CACHE,
        "disable-pip-version-check": "true",
        "root-user-action": "ignore",
    }
    file = folder / "pip.conf"
    with file.open("w") as opened:
        config.write(opened)
    yield file, "/etc/pip.conf:ro"
    ours = Path(os.environ.get("SSL_CERT_FILE", _AUTHORITIES))
    if ours.exists():
        yield ours, f"{_AUTHORITIES}:ro"
    for word in settings.get("find-links", "").split():
        if Path(word).exists():
            yield Path(word), f"{word}:ro"
    downloads = cache(os.environ).parent / "pip"
    downloads.mkdir(parents=True, exist_ok=True)
    yield downloads, _CACHE


def _settings() -> dict[str, str]:
    """What is set, in files and then in PIP_* variables; only what says where packages come from."""
    config = configparser.RawConfigParser()
    config.read([str(Path(each).expanduser()) for each in (*_FILES, os.environ.get("PIP_CONFIG_FILE", os.devnull))])
    found = dict(config["global"]) if config.has_section("global") else {}
    found |= {name.removeprefix("PIP_").lower().replace("_", "-"): value for name, value in os.environ.items() if name.startswith("PIP_")}
    return {name: value for name, value in found.items() if name in _LENT}
