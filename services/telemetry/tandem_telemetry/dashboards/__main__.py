"""`python -m tandem_telemetry.dashboards CHART`: write dashboards/tandem.json and alerts.yaml of the chart anew."""

import sys
from pathlib import Path

from tandem_telemetry.dashboards.alerts import written
from tandem_telemetry.dashboards.grafana import drawn


def main(chart: Path) -> None:
    """Write what is generated into the chart."""
    (chart / "dashboards").mkdir(exist_ok=True)
    (chart / "dashboards/tandem.json").write_text(drawn())
    (chart / "alerts.yaml").write_text(written())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
