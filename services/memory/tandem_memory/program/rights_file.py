"""Reads who may do what from a file, YAML or JSON, anew whenever it changes.

    grants:
      - {who: "system:serviceaccount:team-a:*", namespaces: ["team-a/*"], may: append}
      - {who: "token:reader", namespaces: ["*"], may: read}

A file that cannot be used keeps the service from starting; one that becomes so later leaves the last good one in force.
"""

import logging
import os
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from tandem_rpc import RpcSetupError

from tandem_memory.rights import Grant, Right, Rights

_log = logging.getLogger(__name__)
_ABSENT: tuple[int, ...] = ()  # the version of a file that is not there
_SAID = {"model_type": "is no mapping", "tuple_type": "is no list"}  # of what pydantic says in words of Python
_RIGHTS = {"read": Right.READ, "append": Right.APPEND, "admin": Right.ADMIN}


class _Grant(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    who: Annotated[str, StringConstraints(min_length=1)]
    namespaces: Annotated[tuple[Annotated[str, StringConstraints(pattern=r"^[a-z0-9*][a-z0-9._/*-]*$")], ...], Field(min_length=1)]
    may: Literal["read", "append", "admin"]


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    grants: tuple[_Grant, ...]


class RightsFile:
    """Rights as they stand in a file now."""

    def __init__(self, path: Path) -> None:
        """Read `path`.

        Raises:
            RpcSetupError: when it cannot be used; with the line and the fix.
        """
        self._path = path
        try:
            self._version, self._rights = _read(path)
        except (OSError, ValueError) as error:
            msg = f"rights_file: {path}{_reason(error)}"
            raise RpcSetupError(msg) from None

    def current(self) -> Rights:
        """The rights that hold now."""
        version = _ABSENT
        try:
            version = _version(self._path.stat())
            if version != self._version:
                self._version, self._rights = _read(self._path)
                _log.info("rights_file: %s was read anew, %d grants", self._path, len(self._rights.grants))
        except (OSError, ValueError) as error:
            if version != self._version:  # said once for each change, not at every call
                self._version = version
                _log.warning("rights_file: %s%s; the rights read before still hold", self._path, _reason(error))
        return self._rights


def _read(path: Path) -> tuple[tuple[int, ...], Rights]:
    with path.open("rb") as file:
        version, text = _version(os.fstat(file.fileno())), file.read()
    grants = _parsed(text).grants
    told = [Grant(who=each.who, namespaces=each.namespaces, may=_RIGHTS[each.may]) for each in grants]
    return version, Rights(grants=tuple(told), told_apart=True)


def _parsed(text: bytes) -> _File:
    """What the file says.

    Raises:
        ValueError: one line that begins with where.
    """
    node: Any = None
    try:
        node = yaml.compose(text, yaml.SafeLoader)
        return _File.model_validate(yaml.safe_load(text))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        msg = f" line {line}: {error.problem}; write YAML or JSON"
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        msg = f": {' '.join(str(error).split())}; write YAML or JSON"
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "grants"
        fix = "give each grant who, namespaces and may (read, append or admin)"
        said = _SAID.get(first["type"], first["msg"])
        msg = f" line {_line(node, first['loc'])}: {where}: {str(first['input'])[:80]!r}: {said}; {fix}"
    raise ValueError(msg)


def _line(node: Any, loc: tuple[int | str, ...]) -> int:  # noqa: ANN401 - nodes of yaml have no types of use
    """The line of the thing at `loc`, or of what should hold it."""
    for step in loc:
        if isinstance(node, yaml.MappingNode):
            within: Any = {key.value: value for key, value in node.value}.get(step)
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            within = node.value[step] if step < len(node.value) else None
        else:
            within = None
        if within is None:
            break
        node = within
    return node.start_mark.line + 1 if node is not None else 1


def _version(stat: os.stat_result) -> tuple[int, ...]:
    return stat.st_ino, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size  # the third changes with who may read it


def _reason(error: OSError | ValueError) -> str:
    return f" cannot be read ({error.strerror}); write one, or leave the setting out" if isinstance(error, OSError) else str(error)
