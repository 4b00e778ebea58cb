"""The proof that device memory is flat, for any number of experts: `python -m tandem_trainer.experts.proof`.

Prints JSON lines: how far it is, a row for each number of experts, and the verdict. Exit code 0 when memory is flat, 1 when it is not.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from tandem_trainer import host_memory
from tandem_trainer.exit_codes import DO_NOT_RESTART
from tandem_trainer.experts.proof.apart import EndedError, measured_apart
from tandem_trainer.experts.proof.judging import Growth, Row, Verdict, judge
from tandem_trainer.experts.proof.line import Slope
from tandem_trainer.experts.proof.wanted import Wanted, counts, insist
from tandem_trainer.rank import cards
from tandem_trainer.refusal import Refusal

_WARM_UP = 20  # windows; the most demanding ones come first, by rehearsal
_NOT_FLAT, _ENDED = 1, 70


def main(words: Sequence[str] | None = None) -> int:
    """Measure, and judge."""
    asked = _parser().parse_args(words)
    cards.settle()
    wanted = Wanted(active=asked.active, width=asked.width, inner=asked.inner, windows=asked.windows, warm_up=_WARM_UP)
    try:
        of = counts(asked.experts)
        insist(wanted, of, host=host_memory.limit(None))
        rows = [_row(wanted, count) for count in of]
    except (Refusal, EndedError) as error:
        print(error, file=sys.stderr)  # noqa: T201
        return DO_NOT_RESTART if isinstance(error, Refusal) else _ENDED
    verdict = judge(rows)
    _say("verdict", _told(verdict))
    return _NOT_FLAT if verdict.faults else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tandem_trainer.experts.proof", description=__doc__)
    parser.add_argument("--experts", default="8,16,32,64,128,1024", help="how many experts there are, in turn")
    for name, usual in (("active", 2), ("width", 128), ("inner", 256), ("windows", 300)):
        parser.add_argument(f"--{name}", type=int, default=usual)
    return parser


def _row(wanted: Wanted, count: int) -> Row:
    device, row = measured_apart(wanted, count, lambda done: _say("window", {"experts": count, "done": done, "of": wanted.windows}))
    figures = {"meanBytes": row.held.mean, "stdBytes": row.held.deviation, "variation": row.held.variation}
    _say("row", {"device": device, **{_camel(name): value for name, value in asdict(row).items()}, **figures})
    return row


def _told(verdict: Verdict) -> dict[str, Any]:
    """For programs; slopes in bytes an expert."""
    return {"flat": not verdict.faults, "faults": verdict.faults, "held": _growth(verdict.held), "peak": _growth(verdict.peak)}


def _growth(growth: Growth) -> dict[str, Any]:
    return {"measured": _slope(growth.measured), "router": growth.router, "left": _slope(growth.left)}


def _slope(slope: Slope) -> dict[str, float]:
    return {"slope": slope.value, "low": slope.low, "high": slope.high}


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))


def _say(what: str, value: Mapping[str, Any]) -> None:
    print(json.dumps({what: value}), flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
