"""Small training programs for runs whose subject is not training."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

_PROGRAM = """
import os, time, torch
from tandem_trainer import script

torch.manual_seed(0)
model = torch.nn.Linear(8, 1)
optimizer = torch.optim.AdamW(model.parameters())
with script.begin(model=model, optimizer=optimizer) as run:
    for at in run.steps():
        x = torch.randn(4, 8, generator=torch.Generator().manual_seed(at.step))
        loss = (model(x) - x.sum(dim=1, keepdim=True)).square().mean()
        optimizer.zero_grad(); loss.backward(); optimizer.step()
        {body}
        run.report(loss=loss.item(), tokens=4)
"""


def spec(folder: Path, *, steps: int, body: str = "pass", **more: Any) -> Mapping[str, Any]:
    """A run of a script of `steps` steps; `body` is what it does besides in each of them."""
    path = folder / "program.py"
    path.write_text(_PROGRAM.format(body=body))
    return {
        "trainer": {"script": {"path": str(path)}},
        "phases": [{"name": "only", "steps": steps, "batchSize": 4, "contextLength": 8}],
        "restart": {"backoff": {"first": "0s"}},
        **more,
    }
