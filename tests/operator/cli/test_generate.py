"""`tandem generate` where there is nobody to ask; what is written is tested where it is written (trainer_image)."""

from tandem_operator.local.state.home import Home

from tests.operator.cli.conftest import Desk, bare_python
from tests.operator.plan.dual.runs import CLOUD, dual
from tests.operator.plan.world import run_of


def test_runs_that_train_no_experts(desk: Desk) -> None:
    """A line with the reason and the fix, and exit code 2; a run that is not there is told as by all commands."""
    assert desk.tandem("run", desk.file(), "--plain").returncode == 0
    said = desk.tandem("generate", "demo")
    expected = "tandem: demo: has trainer deepspeed, whose models are served elsewhere: name a run with trainer experts\n"
    assert (said.returncode, said.stderr) == (2, expected)
    Home(desk.state).dual("pair").write_wanted(dual(lanes=[CLOUD]))
    said = desk.tandem("generate", "pair")
    assert (said.returncode, said.stderr.count("\n")) == (2, 1)
    assert "is a DualRun, which has no text of its own" in said.stderr
    assert desk.tandem("generate", "nothing").returncode == 4


def test_a_python_without_the_trainer(desk: Desk) -> None:
    """One line with what is missing and how to have it, and exit code 2."""
    Home(desk.state).run("demo").write_wanted(run_of(trainer={"experts": {}}))
    desk.environ["TANDEM_PYTHON"] = str(bare_python(desk.path))
    said = desk.tandem("generate", "demo")
    assert (said.returncode, said.stdout, said.stderr.count("\n")) == (2, "", 1)
    assert "has no tandem_trainer and no torch: install the trainer: " in said.stderr
