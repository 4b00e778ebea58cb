"""Settings by the names that people give them: all of them for help, those that look mistyped, and what is said of one.

What reads a setting may be a part of `tandem_rpc`, which calls it by its own name; whoever set it knows TANDEM_MEMORY_<NAME>.
"""

import difflib
from collections.abc import Iterable, Iterator

from tandem_memory.program.settings import Settings

_PREFIX = "TANDEM_MEMORY_"
_PARTS = {"tls.certificate": "tls_cert", "tls.key": "tls_key", "tls.client_ca": "tls_client_ca"}  # as `ServerTls` calls them
_ALIKE = 0.8  # two letters of FOLDER swapped; SERVICE_HOST, which Kubernetes adds, is 0.74 of SERVICE_ACCOUNT


def listed() -> Iterator[str]:
    """A line or two for each setting: its name, what holds when it is absent, and what it says."""
    for name, field in Settings.model_fields.items():
        absent = "" if field.default in {None, ""} else f" (else {str(field.default).lower()})"
        yield f"{variable(name)}{absent}"
        if field.description:
            yield f"    {' '.join(field.description.split())}"


def variable(name: str) -> str:
    """The variable of a setting."""
    return f"{_PREFIX}{name.upper()}"


def mistyped(given: Iterable[str]) -> Iterator[str]:
    """A line for each variable that is no setting and looks like one."""
    known = [name.upper() for name in Settings.model_fields]
    for each in sorted(given):
        name = each.removeprefix(_PREFIX)
        if name in {each, *known}:
            continue
        if meant := difflib.get_close_matches(name, known, n=1, cutoff=_ALIKE):
            yield f"{each}: there is no such setting, and nothing comes of it; {_PREFIX}{meant[0]} is one"


def said(text: str) -> str:
    """What `tandem_rpc` says of a setting, under the name that it was set by."""
    field, colon, rest = text.partition(":")
    names = [_PARTS.get(each, each) for each in field.split(", ")]
    if all(name in Settings.model_fields for name in names):
        text = f"{', '.join(map(variable, names))}{colon}{rest}"
    return text.replace("plaintext=True", f"{variable('plaintext')}=true")
