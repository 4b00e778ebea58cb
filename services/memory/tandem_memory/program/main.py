"""The command: serves as the environment says, brings a backup back, moves a store from one backend to another, or checks one.

python -m tandem_memory                          serves as TANDEM_MEMORY_* in the environment say
python -m tandem_memory restore URI FOLDER       brings the copy at URI into an empty folder
python -m tandem_memory migrate FROM TO          moves all records, and compares; each a folder or cassandra://node[,node...]/keyspace
python -m tandem_memory check FOLDER             checks a store that nobody serves, also one that is too broken to be opened
"""

import logging
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_DIFFERENT, _UNUSABLE, _MACHINE, _LEFT = 1, 2, 74, 130  # as the exit codes of `tandem`
_USAGE = "give nothing to serve, or: restore URI FOLDER, migrate FROM TO, check FOLDER, --help"
_log = logging.getLogger(__name__)

# Libraries that bring threads of their own, one for each core: here several searches are made at once, each in one thread.
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS")


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what `arguments` ask for, those of the process if None.

    Returns:
        0 when it was done or the service was asked to stop, 2 when what it was given cannot be used. After `migrate` also 1 when
        both places do not hold the same, 74 when a disk or a cluster refuses, and 130 when somebody left; after `check` 1 when something
        is wrong, 74 when the disk refuses.
    """
    for name in _ONE_THREAD:
        os.environ.setdefault(name, "1")  # read when such a library is loaded, so nothing was imported yet
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    logging.getLogger("faiss.loader").setLevel(logging.WARNING)  # at each start it tells of builds of itself that are not there
    match sys.argv[1:] if arguments is None else arguments:
        case []:
            from tandem_rpc.process import last_word

            return last_word.said(os.environ, _serve())
        case [*_, "--help" | "-h"]:
            return _help()
        case ["restore", uri, folder]:
            return _restore(uri, Path(folder))
        case ["migrate", source, target]:
            return _migrate(source, target)
        case ["check", folder]:
            return _check(Path(folder))
        case _:
            return _say([_USAGE])


def _serve() -> int:
    from pydantic import ValidationError
    from tandem_rpc import RpcSetupError

    from tandem_memory.program import naming
    from tandem_memory.program.opening import OpeningError
    from tandem_memory.program.process import run
    from tandem_memory.program.settings import Settings

    for line in naming.mistyped(os.environ):
        _log.warning(line)
    try:
        run(Settings())  # pyright: ignore[reportCallIssue] - the environment says what is not given here
    except ValidationError as error:
        return _say(_wrong(each) for each in error.errors())
    except RpcSetupError as error:
        return _say([naming.said(str(error))])
    except OpeningError as error:
        return _say([str(error)])
    return 0


def _help() -> int:
    from tandem_memory.program import naming

    sys.stdout.write(f"{__doc__}\n" + "".join(f"{line}\n" for line in naming.listed()))
    return 0


def _restore(uri: str, folder: Path) -> int:
    from tandem_objects import ObjectError

    from tandem_memory.moves.backup import BackupError
    from tandem_memory.moves.restoring import restored

    try:
        copy = restored(uri, folder, os.environ)
    except (BackupError, ObjectError) as error:
        return _say([str(error)])
    sys.stdout.write(f"{copy.records} records, {copy.bytes} bytes: serve them with TANDEM_MEMORY_FOLDER={folder}\n")
    return 0


def _migrate(source: str, target: str) -> int:
    from pydantic import ValidationError

    from tandem_memory.backend import DamagedError, ReadingLostError, StoreFullError, StoreUnavailableError
    from tandem_memory.moves.migration import MigrationError
    from tandem_memory.program.opening import OpeningError
    from tandem_memory.program.relocation import PlaceError, relocated

    try:
        moved = relocated(source, target)
    except ValidationError as error:
        return _say(_wrong(each) for each in error.errors())
    except (PlaceError, OpeningError) as error:
        return _say([str(error)])
    except (MigrationError, DamagedError) as error:
        return _say([str(error)], _DIFFERENT)
    except (StoreFullError, StoreUnavailableError, ReadingLostError) as error:
        return _say([f"{_line(error)}; the same command goes on from there"], _MACHINE)
    except KeyboardInterrupt:
        return _say(["left; the same command goes on from there"], _LEFT)
    for each in moved:
        sys.stdout.write(f"{each.namespace}: {each.records} records, {each.moved} moved, the same in both\n")
    if not moved:
        sys.stdout.write(f"{source} holds no namespace: nothing is moved\n")
    return 0


def _check(folder: Path) -> int:
    from tandem_memory.backend import StoreFullError
    from tandem_memory.store import InUseError, NoStoreError, inspect

    try:
        records, findings = inspect(folder)
    except (NoStoreError, InUseError) as error:
        return _say([str(error)])
    except StoreFullError as error:
        return _say([str(error)], _MACHINE)
    for finding in findings:
        sys.stdout.write(f"{finding.where}: {finding.what}\n")
    verdict = f"{len(findings)} things are not as they must be" if findings else "all is well"
    sys.stdout.write(f"{records} records: {verdict}\n")
    return _DIFFERENT if findings else 0


def _wrong(error: "ErrorDetails") -> str:
    """What is wrong with one setting, or with several together."""
    if not error["loc"]:
        return f"TANDEM_MEMORY_*: {error['msg'].removeprefix('Value error, ')}"
    said = error["msg"].removeprefix("Value error, address: ")  # which begins with the value
    said = said if said != error["msg"] else f"{error['input']!r}: {said}"
    return f"TANDEM_MEMORY_{'_'.join(map(str, error['loc'])).upper()}: {said}"


def _line(error: Exception) -> str:
    """What it says, on one line; its name where it says nothing."""
    return " ".join(str(error).split()) or type(error).__name__


def _say(lines: Iterable[str], code: int = _UNUSABLE) -> int:
    for line in lines:
        sys.stderr.write(f"tandem-memory: {line}\n")
    return code
