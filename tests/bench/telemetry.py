"""How many reports a second the sink takes in, over the wire, with a watcher and scrapes; against gRPC alone doing nothing.

Both services run in a process of their own, and what counts is processor time of that process for each report: the rate that
one core sustains. `ratio` is ours over that of a service which only counts its requests, on the same box in the same minute.
Prints one line of JSON for the rate and one for how memory grew between the first and the second half.

    python -m tests.bench.telemetry [reports]
"""

import json
import multiprocessing
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

from tests.resident import resident_bytes

RUNS = 100
FLOOR_PER_SECOND = 2_000
GROWTH_BYTES = 4 * 1024 * 1024  # what a scrape and a garbage collection may leave in between


def main(reports: int) -> None:
    peer_rate, _ = measured(bare, reports)
    rate, growth = measured(ours, reports)
    line = {"metric": "telemetry_reports_per_core_second", "value": round(rate), "unit": "reports/s", "floor": FLOOR_PER_SECOND}
    say(line | {"peer": round(peer_rate), "ratio": round(rate / peer_rate, 3)})
    say(
        {
            "metric": "telemetry_memory_growth",
            "value": growth,
            "unit": "bytes",
            "ceiling": GROWTH_BYTES,
            "ratio": round(growth / GROWTH_BYTES, 3),
        }
    )


def measured(service: Any, reports: int) -> tuple[float, int]:
    """Reports for each second of processor time of `service`, and bytes it grew in the second half."""
    here, there = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=service, args=(there,), daemon=True)
    process.start()
    address = here.recv()
    send(address, reports // 10)  # everything is loaded, every run is known
    marks = [mark(here)]
    for _ in range(2):
        send(address, reports // 2)
        marks.append(mark(here))
    process.terminate()
    process.join()
    (begin_s, _), (_, half), (end_s, whole) = marks
    return reports // 2 * 2 / (end_s - begin_s), whole - half


def mark(process: Connection) -> tuple[float, int]:
    """Processor seconds and resident bytes of the service."""
    process.send("mark")
    return process.recv()


def send(address: str, reports: int) -> None:
    from tandem.telemetry.v1.telemetry_pb2_grpc import TelemetryServiceStub
    from tandem_rpc import channel

    with channel(address) as made:
        watch = TelemetryServiceStub(made).Watch(request_all())
        threading.Thread(target=drain, args=(watch,), daemon=True).start()
        assert TelemetryServiceStub(made).Report(requests(reports)).reports == reports
        watch.cancel()


def request_all() -> Any:
    from tandem.telemetry.v1.telemetry_pb2 import WatchRequest

    return WatchRequest()


def drain(watch: Any) -> None:
    from grpc import RpcError

    try:
        for _ in watch:
            time.sleep(0.001)  # a slow one: at most a thousand changes a second
    except RpcError:
        return


def requests(count: int) -> Iterator[Any]:
    """Reports of many runs, with everything that a trainer says after a step."""
    from tandem.telemetry.v1.telemetry_pb2 import Checkpoint, ReportRequest, Source, WorkerReport

    for step in range(count):
        report = WorkerReport(
            source=Source(namespace="bench", run=f"run-{step % RUNS}", attempt=1),
            trainer="deepspeed",
            training_phase="base",
            step=step,
            total_steps=count,
            loss=2.5,
            learning_rate=1e-3,
            gradient_norm=1.0,
            tokens=step * 4096,
            tokens_per_second=1e5,
            step_seconds=0.1,
            utilization=0.4,
            resumed_from_step=0,
            spikes=0,
            broken_experts=0,
            checkpoint_failures=0,
            device_memory_bytes=1 << 30,
            checkpoint=Checkpoint(step=step, uri="s3://bucket/run/manifests/000001-000000000100.json", bytes=1 << 30),
        )
        report.at.GetCurrentTime()
        yield ReportRequest(report=report)


def ours(parent: Connection) -> None:
    from prometheus_client import CollectorRegistry, generate_latest
    from tandem.telemetry.v1.telemetry_pb2_grpc import add_TelemetryServiceServicer_to_server
    from tandem_rpc import serve
    from tandem_telemetry.board import Board
    from tandem_telemetry.exporter import Exporter
    from tandem_telemetry.registry import Registry
    from tandem_telemetry.rights import Rights
    from tandem_telemetry.service import Telemetry
    from tandem_telemetry.traffic import Traffic

    board, traffic = Board(Registry(expire_s=3600, most_runs=10_000), time.monotonic), Traffic(time.monotonic)
    metrics = CollectorRegistry()
    figures = {"reports": 0.0, "refused": 0.0, "reporters": 0.0, "watchers": 0.0, "runs": 0.0}
    metrics.register(Exporter(lambda: board.runs().values(), lambda: figures))
    server = serve("127.0.0.1:0", {"t": partial(add_TelemetryServiceServicer_to_server, Telemetry(board, traffic, Rights()))})
    parent.send(f"127.0.0.1:{server.port}")
    answer(parent, lambda: generate_latest(metrics))


def bare(parent: Connection) -> None:
    from concurrent.futures import ThreadPoolExecutor

    import grpc
    from tandem.telemetry.v1 import telemetry_pb2 as pb
    from tandem.telemetry.v1 import telemetry_pb2_grpc as wire

    class Counting(wire.TelemetryServiceServicer):
        def Report(self, request_iterator: Any, context: Any) -> pb.ReportResponse:  # noqa: ARG002, N802
            return pb.ReportResponse(reports=sum(1 for _ in request_iterator))

    server = grpc.server(ThreadPoolExecutor(4))
    wire.add_TelemetryServiceServicer_to_server(Counting(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    parent.send(f"127.0.0.1:{port}")
    answer(parent, lambda: None)


def answer(parent: Connection, scrape: Any) -> None:
    """Say what was used so far whenever asked, and be scraped once each time, until terminated."""
    while parent.recv():
        scrape()
        parent.send((time.process_time(), resident_bytes()))


def say(line: dict[str, object]) -> None:
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 40_000)
