"""Draws the panels as a Grafana dashboard (grafana-foundation-sdk): the JSON that a sidecar or a person loads."""

from collections.abc import Mapping
from itertools import count
from string import ascii_uppercase

from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.builders import prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common, dashboard

from tandem_telemetry.dashboards.panels import ROWS, Kind, Panel

_SOURCE = dashboard.DataSourceRef(type_val="prometheus", uid="${datasource}")
_SMALL, _LARGE = (6, 4), (8, 8)  # of 24 columns, and in units of 30 pixels
_KNOWN = '__name__=~"tandem_run_info|tandem_run_phase"'  # a run that never reported is known to the operator, one without it to telemetry
_VARIABLES: Mapping[str, str] = {
    "namespace": f"label_values({{{_KNOWN}}}, namespace)",
    "run": f'label_values({{{_KNOWN}, namespace=~"$namespace"}}, run)',
}


def drawn() -> str:
    """The dashboard, as JSON."""
    board = builders.Dashboard("Tandem").uid("tandem").tags(["tandem"]).description("Training runs on machines that can vanish.")
    board.readonly().timezone("browser").time("now-6h", "now").refresh("30s").tooltip(dashboard.DashboardCursorSync.CROSSHAIR)
    board.with_variable(builders.DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
    for name, query in _VARIABLES.items():
        board.with_variable(_choice(name, query))
    number = count(1)
    for row in ROWS:
        board.with_row(builders.Row(row.title).id(next(number)))
        for panel in row.panels:
            board.with_panel(_picture(next(number), panel))
    return JSONEncoder(sort_keys=True, indent=2).encode(board.build()) + "\n"


def _choice(name: str, query: str) -> builders.QueryVariable:
    """A variable with all values that Prometheus knows; at first, all of them are chosen."""
    everything = dashboard.VariableOption(text="All", value="$__all", selected=True)
    choice = builders.QueryVariable(name).label(name).datasource(_SOURCE).query(query).multi(multi=True).include_all(include_all=True)
    return choice.current(everything).refresh(dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED).sort(dashboard.VariableSort.ALPHABETICAL_ASC)


def _picture(number: int, panel: Panel) -> timeseries.Panel | stat.Panel:
    lines = panel.kind is Kind.OVER_TIME
    width, height = _LARGE if lines else _SMALL
    picture = _over_time() if lines else _now(names=panel.kind is Kind.NAMES)
    picture.id(number).title(panel.title).description(panel.description).unit(panel.unit).datasource(_SOURCE).span(width).height(height)
    for letter, query in zip(ascii_uppercase, panel.queries, strict=False):
        question = prometheus.Dataquery().ref_id(letter).expr(query.expr).legend_format(query.legend)
        picture.with_target(question.range() if lines else question.instant())
    return picture


def _over_time() -> timeseries.Panel:
    legend = common_builders.VizLegendOptions().display_mode(common.LegendDisplayMode.LIST).placement(common.LegendPlacement.BOTTOM)
    return timeseries.Panel().legend(legend.show_legend(show_legend=True)).line_width(1).fill_opacity(8)


def _now(*, names: bool) -> stat.Panel:
    mode = common.BigValueTextMode.NAME if names else common.BigValueTextMode.VALUE_AND_NAME
    newest = common_builders.ReduceDataOptions().calcs(["lastNotNull"])
    return stat.Panel().graph_mode(common.BigValueGraphMode.NONE).text_mode(mode).reduce_options(newest)
