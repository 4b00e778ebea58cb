"""Small training programs for runs whose subject is not training."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

_PROGRAM = """
import os, signal, time, torch
from tandem_trainer import script

torch.manual_seed(0)
model = torch.nn.Linear(8, 1)
with script.begin(model=model) as run:
    asked, heed = [], signal.getsignal(signal.SIGTERM)
    signal.signal(signal.SIGTERM, lambda *told: (asked.append(told), heed(*told)))
    for at in run.steps():
        while at.step == {hold} and not asked and not os.path.exists({go!r}):
            time.sleep(0.02)
        x = torch.randn(4, 8, generator=torch.Generator().manual_seed(at.step))
        loss = (model(x) - x.sum(dim=1, keepdim=True)).square().mean()
        loss.backward()
        with torch.no_grad():  # an optimizer of torch would load its compiler, which takes as long again as torch itself
            for weight in model.parameters():
                weight.sub_(weight.grad, alpha=0.01)
                weight.grad = None
        {body}
        run.report(loss=loss.item(), tokens=4)
"""


def spec(folder: Path, *, steps: int, body: str = "pass", hold: int = -1, **more: Any) -> Mapping[str, Any]:
    """A run of a script of `steps` steps; `body` is what it does besides in each of them.

    Before step `hold` it stands still until it is asked to leave, or may `go` on: whatever is to befall it finds it there.
    """
    path = folder / "program.py"
    path.write_text(_PROGRAM.format(body=body, hold=hold, go=str(folder / "go")))
    return {
        "trainer": {"script": {"path": str(path)}},
        "phases": [{"name": "only", "steps": steps, "batchSize": 4, "contextLength": 8}],
        "restart": {"backoff": {"first": "0s"}},
        **more,
    }


def go(folder: Path) -> None:
    """Let it go on, and all that come after it."""
    (folder / "go").touch()
