"""What the README says of the code is what the code says."""

import re
import tomllib

from tests.contracts.readme import README, refreshed

TEXT = README.read_text()


def test_the_phase_diagram_is_that_of_the_planner() -> None:
    """Drawing it again changes nothing."""
    assert refreshed(TEXT) == TEXT, "run: uv run poe readme"


def test_every_path_of_the_file_tree_exists() -> None:
    """What the tree of the README names is there."""
    tree = TEXT.split("## The house\n")[1].split("\n## ")[0]
    room = README.parent
    for line in tree.splitlines():
        found = re.match(r"( {4,})([\w./]+)", line)
        if found is None:
            continue
        depth, name = len(found[1]), found[2]
        room = README.parent if depth == 4 else room
        assert (room / name).exists(), f"{room / name} is in the README's tree, not on disk"
        if (depth == 4 and name.endswith("/")) or name.endswith(("tandem_operator/", "tandem_trainer/")):
            room = room / name


def test_every_task_the_readme_names_exists() -> None:
    """Each `poe TASK` of the README is a task."""
    tasks = tomllib.loads((README.parent / "pyproject.toml").read_text())["tool"]["poe"]["tasks"]
    assert set(re.findall(r"poe ([a-z-]+)", TEXT)) <= set(tasks)
