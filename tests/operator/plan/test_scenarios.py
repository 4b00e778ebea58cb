"""The scripts of tests/scenarios, played and compared with what was recorded. `pytest --update` records them anew: read the diff."""

from pathlib import Path

import pytest
import yaml

from .script import play

SCENARIOS = sorted((Path(__file__).parents[2] / "scenarios").glob("*.yaml"))
_RECORDED = "\nlooks:\n"


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_a_scenario_goes_as_it_was_recorded(path: Path, request: pytest.FixtureRequest) -> None:
    """Every look of the script: who is stopped and started, the phase and its reason, the events, the dollars."""
    written = path.read_text()
    script = yaml.safe_load(written)
    played = play(script)
    if request.config.getoption("--update"):
        path.write_text(written.split(_RECORDED)[0].rstrip() + "\n" + _RECORDED + _as_text(played))
    else:
        assert played == script.get("looks"), f"{path.name} goes differently now; if that is right, record it with --update"


def _as_text(looks: list[dict[str, object]]) -> str:
    return yaml.safe_dump(looks, sort_keys=False, allow_unicode=True, width=140, default_flow_style=None)
