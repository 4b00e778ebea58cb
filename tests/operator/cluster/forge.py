"""Starts operators in no time: what they load is loaded once, here, and each of them is a fork of that.

An order a line on standard input, as JSON, and the answer to each on standard output: `{"start": environment, "log": path}` gives a
process id, `{"wait": process id}` the exit status, below zero for a signal. Operators end with this process.
"""

import ctypes
import gc
import json
import os
import signal
import sys
from collections.abc import Mapping
from datetime import datetime, timedelta, tzinfo

import kopf
from tandem_operator.cluster import main as operator
from tandem_operator.cluster.news import resync, watching
from tandem_telemetry import publication  # loaded by the first who serves metrics

from tests.operator.cluster.patience import RENEWS_WITHIN_S, be_patient

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Carry out orders until there are no more."""
    assert publication
    gc.freeze()
    for line in sys.stdin:
        order = json.loads(line)
        answer = os.waitstatus_to_exitcode(os.waitpid(order["wait"], 0)[1]) if "wait" in order else _started(order["start"], order["log"])
        print(answer, flush=True)


def _started(environment: dict[str, str], log: str) -> int:
    child = os.fork()
    if child:
        return child
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    os.environ.clear()
    os.environ.update(environment)
    written = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(written, stream)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.argv = ["tandem-operator"]
    signal.signal(signal.SIGUSR1, lambda *_: _jump(float(os.environ["TANDEM_OPERATOR_JUMP_S"])))
    _hurry(os.environ)
    code = 70
    try:
        code = operator.main()
    except BaseException:  # noqa: BLE001  the end of the process, as of any other
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stderr.flush()
        os._exit(code)


def _hurry(told: Mapping[str, str]) -> None:
    """What takes minutes takes so many seconds, where a test says so.

    `silent_s` is how long a watch may say nothing until it is opened anew, and `compares_every_s` how often what it told is compared.
    `last_words_s` is how long an operator may take to tell what waits to be told before it leaves, and `renews_within_s` for how long the
    Lease is held unrenewed.
    """
    be_patient(float(told.get("TANDEM_OPERATOR_RENEWS_WITHIN_S", RENEWS_WITHIN_S)))
    if last_words_s := told.get("TANDEM_OPERATOR_LAST_WORDS_S"):
        vars(operator)["_LAST_WORDS_S"] = float(last_words_s)
    if every_s := told.get("TANDEM_OPERATOR_COMPARES_EVERY_S"):
        vars(resync)["_EVERY_S"] = float(every_s)
    if silent_s := told.get("TANDEM_OPERATOR_SILENT_S"):
        usual = watching.settings

        def hurried() -> kopf.OperatorSettings:
            made = usual()
            made.watching.inactivity_timeout = float(silent_s)
            return made

        vars(watching)["settings"] = hurried


def _jump(seconds: float) -> None:
    """From now on the wall clock is so much ahead, whoever of the operator reads it."""

    class Jumped(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:
            return datetime.now(tz) + timedelta(seconds=seconds)

    ours = [module for name, module in sys.modules.items() if name.startswith("tandem_operator.")]
    for module in ours:
        if getattr(module, "datetime", None) is datetime:
            vars(module)["datetime"] = Jumped
    print(f"the clock is {seconds:g} s ahead", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
