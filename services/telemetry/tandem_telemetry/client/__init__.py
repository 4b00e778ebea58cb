"""How workers and shells speak to the sink. Light to import: gRPC is loaded when the first Reporter or Watcher is made."""

from tandem_telemetry.client.reporter import Reporter
from tandem_telemetry.client.watcher import Watcher

__all__ = ["Reporter", "Watcher"]
