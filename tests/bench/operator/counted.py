"""An operator that can be asked what it holds: `python -m tests.bench.operator.counted FILE` counts into the file at every SIGUSR1.

It counts what the collector knows of our classes and the library's, and how many entries each of their containers has, whatever they are
called: a leak that nobody thought of shows there before it shows in memory.
"""

import gc
import json
import signal
import sys
from collections import Counter
from collections.abc import Iterator, Sized
from pathlib import Path
from typing import Any

from tandem_operator.cluster.main import main

from tests.operator.cluster.patience import be_patient

_OURS = ("tandem_operator.", "tandem_telemetry.", "kopf.")


def counts() -> dict[str, int]:
    """Objects by class, and entries by class and attribute."""
    gc.collect()
    found = Counter[str]()
    for each in gc.get_objects():
        kind = type(each)
        if not str(getattr(kind, "__module__", "")).startswith(_OURS):
            continue
        found[kind.__qualname__] += 1
        for name, value in _attributes(each):
            if isinstance(value, Sized) and not isinstance(value, str | bytes):
                found[f"{kind.__qualname__}.{name}"] += len(value)
    return dict(found)


def _attributes(found: Any) -> Iterator[tuple[str, Any]]:
    yield from getattr(found, "__dict__", {}).items()
    for kind in type(found).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        yield from ((name, getattr(found, name, None)) for name in ((slots,) if isinstance(slots, str) else slots) if name != "__dict__")


def _count_into(file: Path) -> None:
    written = file.with_suffix(".new")
    written.write_text(json.dumps(counts()))
    written.rename(file)


if __name__ == "__main__":
    be_patient()  # one life is counted
    signal.signal(signal.SIGUSR1, lambda *_: _count_into(Path(sys.argv[1])))
    sys.exit(main())
