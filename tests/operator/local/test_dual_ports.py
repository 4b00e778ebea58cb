"""Where the parts of a DualRun listen on this machine."""

import socket
from pathlib import Path

from tandem_operator.local.dual.machine import let_go, site
from tandem_operator.local.state.run_folder import DualFolder

from tests.operator.plan.dual.runs import dual


def test_a_port_that_somebody_else_has_taken_is_exchanged(tmp_path: Path) -> None:
    """The others stay, so that whoever was told of them is right; a run does not fail for what another program does."""
    folder, run = DualFolder(tmp_path), dual()
    (tmp_path / "ports").mkdir()
    before = site(folder, run).ports
    assert site(folder, run).ports == before
    with socket.create_server(("127.0.0.1", before["coordinator-0"])):
        let_go(folder)
        after = site(folder, run).ports
    assert {slot for slot in before if before[slot] != after[slot]} == {"coordinator-0"}
