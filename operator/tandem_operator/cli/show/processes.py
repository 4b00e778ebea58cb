"""A process that would be started, as `tandem plan` prints it: its command line, and on request all that it is told."""

import json
import shlex

from tandem_operator.render.process import Process


def tell(process: Process, *, verbose: bool) -> None:
    """Print it; `verbose` so that it can be pasted into a shell, with its whole environment."""
    if not verbose:
        print(f"{process.name}  {shlex.join(process.argv)}")
        return
    print(f"\n# {process.name}, in {process.directory}")
    for name, value in sorted(process.environment.items()):
        print(f"{name}={_quoted(name, value)} \\")
    print(shlex.join(process.argv))


def _quoted(name: str, value: str) -> str:
    return shlex.quote(json.dumps(json.loads(value), indent=1) if name == "TANDEM_JOB" else value)
