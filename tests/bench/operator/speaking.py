"""Workers that report, as the benchmarks need them: many runs, evenly spread, and it is known when each said what."""

import threading
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

REPORT_EVERY_S = 10
SAVE_EVERY = 60  # reports: a checkpoint every ten minutes


class Speaking:
    """What is said in the name of the runs of a namespace: a step a report, a checkpoint every ten minutes.

    Attributes:
        saved_at: When the newest checkpoint of each run was told of, by name, and its step.
    """

    def __init__(self, known: Mapping[str, str], namespace: str) -> None:
        """Speak for the runs of `known`, uids by name, which may change."""
        self._known, self._namespace = known, namespace
        self._said_at: dict[tuple[str, int], float] = {}
        self.saved_at: dict[str, tuple[int, float]] = {}

    def age_s(self, name: str, step: int) -> float | None:
        """How long ago a run said that it had come to a step; None when it never did."""
        at = self._said_at.get((name, step))
        return None if at is None else time.monotonic() - at

    def reports(self, over: threading.Event) -> Iterator[Any]:
        """Everything that is said, each at its moment, until it is over."""
        from tandem.telemetry.v1.telemetry_pb2 import ReportRequest

        began = time.monotonic()
        step = 0
        while not over.is_set():
            step += 1
            present = dict(self._known)
            for number, (name, uid) in enumerate(present.items()):
                yield ReportRequest(report=self._report(name, uid, number, step))
                due = began + REPORT_EVERY_S * (step - 1 + (number + 1) / len(present))
                if over.wait(max(0.0, due - time.monotonic())):
                    return
            if not present:
                over.wait(began + REPORT_EVERY_S * step - time.monotonic())

    def _report(self, name: str, uid: str, number: int, step: int) -> Any:
        from tandem.telemetry.v1.telemetry_pb2 import WorkerReport

        report = WorkerReport(trainer="deepspeed", total_steps=1_000_000, step=step, loss=1 / step, tokens_per_second=1000.0)
        report.source.namespace, report.source.run, report.source.uid, report.source.attempt = self._namespace, name, uid, 1
        report.at.GetCurrentTime()
        saved = step - (step + number) % SAVE_EVERY
        if saved > 0:
            report.checkpoint.step, report.checkpoint.uri = saved, f"s3://tandem/runs/{name}/manifests/{saved}.json"
            report.checkpoint.at.FromSeconds(int(time.time()) - (step - saved) * REPORT_EVERY_S)
        if saved == step:
            self.saved_at[name] = step, time.monotonic()
        self._said_at[name, step] = time.monotonic()
        return report


@contextmanager
def reporting(address: str, token: Path, known: Mapping[str, str], namespace: str) -> Generator[Speaking]:
    """Within it every run of a namespace reports every ten seconds; `known` are their uids by name, and may change."""
    from tandem.telemetry.v1.telemetry_pb2_grpc import TelemetryServiceStub
    from tandem_rpc import channel

    over, said = threading.Event(), Speaking(known, namespace)
    with channel(address, token_file=token) as made:
        speaking = threading.Thread(target=lambda: TelemetryServiceStub(made).Report(said.reports(over)), daemon=True)
        speaking.start()
        try:
            yield said
        finally:
            over.set()
            speaking.join()
