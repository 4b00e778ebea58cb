"""How the owner of a run hears its workers: a watch on the telemetry service, this run's own or the one that its spec names.

A watch tells of things a moment later. When an attempt has ended, which may end the run, the service is asked itself, once: it has
taken in all that an agent said before that left.
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tandem_operator import wire
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.plan.values import Report

from .process.sink import Sink

if TYPE_CHECKING:
    from tandem.telemetry.v1.telemetry_pb2 import WorkerReport
    from tandem_telemetry.client import Watcher

_ANSWERS_S = 30.0  # a service that is only busy: the run's own, which refuses at once when it is away, or one that was heard before
_LOOKS_S = 1.0  # one elsewhere that never was, and may swallow whatever is sent to it


class Hearing:
    """The newest report of a run. Without any service nothing is heard, and the run goes on all the same."""

    def __init__(self, folder: Path, run: TrainingRun, environ: Mapping[str, str] = os.environ) -> None:
        self._run, self._uid = run.metadata.key, run.metadata.uid
        self._foreign = run.spec.telemetry.address if run.spec.telemetry else None
        self._token = environ.get("TANDEM_TOKEN_FILE")
        self._sink = None if self._foreign else Sink(folder)
        self._watcher: Watcher | None = None
        self._heard_out = 0  # the last attempt that was
        self._asked: WorkerReport | None = None  # what the service answered then
        self.trouble = ""  # why nothing can be heard, in a line; empty while all is well

    @property
    def address(self) -> str | None:
        """Where workers report to, unless their run says so itself."""
        return self._sink.address if self._sink else None

    @property
    def token_file(self) -> Path | None:
        """The token for it."""
        if self._sink:
            return self._sink.token_file
        return Path(self._token) if self._token else None

    def keep(self) -> None:
        """Have ready what workers are started with."""
        if self._sink:
            self._sink.prepare()

    def attend(self) -> None:
        """Workers live: see to it that there is somebody to report to."""
        if self._sink:
            self._sink.keep()

    def newest(self) -> Report | None:
        """The newest report, from whichever attempt."""
        from tandem_telemetry.newest import merged

        if self._watcher is None and not self.trouble:
            self._watcher = self._listening()
        told = self._watcher.newest().get(self._run) if self._watcher else None
        known = None
        for said in (told, self._asked):
            if said is not None and said.source.uid in {"", self._uid}:  # a shared service may know another run of that name
                known = merged(known, said)
        return wire.report(known.report) if known else None

    def hear_out(self, attempt: int) -> None:
        """The workers of an attempt have all ended: ask, once, what they have said. It takes no time where there is no service.

        A question that cannot even be put, as while somebody replaces the token, is one without an answer.
        """
        from tandem_rpc import RpcSetupError
        from tandem_telemetry.client import ask

        told = self.newest()
        if attempt > self._heard_out and not self.trouble:
            self._heard_out = attempt
            patience_s = _ANSWERS_S if self._sink or (told and told.attempt == attempt) else _LOOKS_S
            with suppress(RpcSetupError):
                self._asked = ask(self._service, self.token_file, *self._run, timeout_s=patience_s)

    def close(self, *, ended: bool) -> None:
        """Stop listening; when the run has ended, end the service as well."""
        if self._watcher is not None:
            self._watcher.close()
        if ended and self._sink:
            self._sink.stop()

    @property
    def _service(self) -> str:
        address = self._foreign or self.address
        assert address is not None
        return address

    def _listening(self) -> "Watcher | None":
        """A watch on the service; None, with `trouble`, when its address or token cannot be used."""
        from tandem_rpc import RpcSetupError
        from tandem_telemetry.client import Watcher

        try:
            return Watcher(self._service, self.token_file, *self._run)
        except RpcSetupError as error:
            self.trouble = f"telemetry at {self._service} cannot be heard: {error}; training goes on, and steps are read from disk"
            return None
