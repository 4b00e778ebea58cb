"""How an agent says what became of it: a note for the shell in its scratch folder, and a message that kubelet shows.

What stands in a container's termination log becomes `containerStatuses[].state.terminated.message`, for everybody to read who
may read pods. So what is known to be secret is struck out of all last words: values of variables that are named like secrets
or come out of Secrets, the token for telemetry, and credentials inside addresses. Which variables come out of Secrets the pod
says in TANDEM_SECRET_NAMES; a star there stands for names that it does not know, and then any variable may be one of them.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

_LONGEST_BYTES = 4096  # of a termination log, kubelet reads no more
_SECRET_NAME = re.compile(r"SECRET|PASSW|CREDENTIAL|(^|_)TOKEN$|(API|ACCESS|PRIVATE)_?KEY", re.IGNORECASE)
_ONLY_A_PLACE = ("_FILE", "_PATH", "_DIR", "_URI", "_URL")
_HARMLESS = frozenset(
    (
        *("PATH", "HOME", "USER", "LOGNAME", "HOSTNAME", "PWD", "SHELL", "TERM", "LANG", "LC_ALL", "TMPDIR"),
        *("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "LD_LIBRARY_PATH"),
        *("XDG_CACHE_HOME", "HF_HOME", "TORCH_HOME", "TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR"),
    )
)
_OURS = "TANDEM_"
_SHORTEST_SECRET = 6  # anything shorter occurs by chance, and striking it out would only make the text unreadable
_SHORTEST_GUESS = 8  # the same where a variable only may be secret
_IN_ADDRESS = re.compile(r"(?<=//)[^/@\s]+@")
_STRUCK = "***"


def without_secrets(text: str, environ: Mapping[str, str]) -> str:
    """`text` with everything struck out that `environ` shows to be secret."""
    for secret in sorted(_secrets(environ), key=len, reverse=True):
        text = text.replace(secret, _STRUCK)
    return _IN_ADDRESS.sub(f"{_STRUCK}@", text)


def for_kubelet(path: Path, message: str) -> None:
    """Written in place: the file is a mount, which nothing can be moved onto."""
    whole = message.encode(errors="replace")[:_LONGEST_BYTES]
    path.write_text(whole.decode(errors="ignore"), encoding="utf-8")  # a character that was cut in two is left out


def _secrets(environ: Mapping[str, str]) -> Iterator[str]:
    told = frozenset(environ.get("TANDEM_SECRET_NAMES", "").split(","))
    for name, value in environ.items():
        surely = name in told or bool(_SECRET_NAME.search(name) and not name.endswith(_ONLY_A_PLACE))
        maybe = "*" in told and name not in _HARMLESS and not name.startswith(_OURS)
        in_a_line = " ".join(value.split())  # as a verdict has it, and without the line end that so many Secrets have
        if (surely and len(in_a_line) >= _SHORTEST_SECRET) or (maybe and len(in_a_line) >= _SHORTEST_GUESS):
            yield from (value, in_a_line)
    if "TANDEM_TOKEN_FILE" in environ:
        with suppress(OSError, ValueError):
            yield from (word for word in Path(environ["TANDEM_TOKEN_FILE"]).read_text().split() if len(word) >= _SHORTEST_SECRET)
