"""How workers and shells speak to the sink, and to Prometheus. Light to import: gRPC and Prometheus' client are loaded when used."""

from tandem_telemetry.client.asking import ask
from tandem_telemetry.client.published import Figures, Published, serve_metrics
from tandem_telemetry.client.reporter import Reporter
from tandem_telemetry.client.watcher import Watcher

__all__ = ["Figures", "Published", "Reporter", "Watcher", "ask", "serve_metrics"]
