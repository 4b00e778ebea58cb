"""A training program that takes its time, and stands still after as many steps as its arguments name until it is asked to leave.

So whatever is to befall a run finds it there, however slow the machine is and whoever is away; and each attempt leaves at the same step.
"""

import signal
import sys
import time
from types import FrameType

import torch
from tandem_trainer import script

PACE_S = 0.05  # of a step: what is saved is in the store long before the next is due
_PAUSE_S = 0.02


def main() -> None:
    """Teach a line to add: every rank the same, so that the loss does not tell how many there are."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    model = torch.nn.Linear(8, 1)
    with script.begin(model=model) as run:
        asked = _asked_to_leave()
        for at in run.steps():
            while at.step in map(int, sys.argv[1:]) and not asked:
                time.sleep(_PAUSE_S)
            x_BW = torch.randn(4, 8, generator=torch.Generator().manual_seed(at.step))  # B batch, W width
            loss = (model(x_BW) - x_BW.sum(dim=1, keepdim=True)).square().mean()
            loss.backward()
            _step(model)
            time.sleep(PACE_S)
            run.report(loss=loss.item(), tokens=4)


@torch.no_grad()
def _step(model: torch.nn.Linear) -> None:
    """An optimizer of torch would load its compiler, which takes as long again as torch itself."""
    for weight in model.parameters():
        assert weight.grad is not None
        weight.sub_(weight.grad, alpha=0.01)
        weight.grad = None


def _asked_to_leave() -> list[int]:
    """Filled by the SIGTERM that the run heeds as well."""
    asked: list[int] = []
    heed = signal.getsignal(signal.SIGTERM)

    def leave(number: int, frame: FrameType | None) -> None:
        asked.append(number)
        assert callable(heed)
        heed(number, frame)

    signal.signal(signal.SIGTERM, leave)
    return asked


if __name__ == "__main__":
    main()
