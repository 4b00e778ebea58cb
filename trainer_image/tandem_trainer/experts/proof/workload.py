"""What is measured: the experts trainer's own mixture, layer, slots and mover, on tokens that are drawn. What those mean costs no byte."""
# capitals in the names of tensors are their shapes: B sequences, T tokens, N = B x T, D width, K experts a token

import torch
from torch import Tensor, nn

from tandem_trainer.experts import building
from tandem_trainer.experts.held import Parts
from tandem_trainer.experts.learning.router import Router, Scores
from tandem_trainer.experts.learning.shared import SharedLearning
from tandem_trainer.experts.moving.slots import HostRows
from tandem_trainer.experts.proof.meter import Meter
from tandem_trainer.experts.proof.wanted import Wanted
from tandem_trainer.job import Run

_VOCABULARY = 512
_BLOCKS = 2
_HEAD_WIDTH = 64
_SEQUENCES, _CONTEXT = 8, 32
_RATE, _EXPERTS_RATE = 1e-3, 0.1  # the trainer's usual hundredfold for experts
_SEED = 0


class Workload:
    """A mixture of `count` experts that learns; built while `meter` watches."""

    def __init__(self, wanted: Wanted, count: int, device: torch.device, meter: Meter) -> None:
        run = _run(wanted, count)
        self.sizes, self._room, self._device = building.sizes(run), building.room(run), device
        torch.manual_seed(_SEED)
        self.mixture, rows = building.built(run, self.sizes, self._room, _VOCABULARY, device)
        assert isinstance(rows, HostRows), "no disk is asked for"
        meter.leave_out(rows.rows_ER)
        rows.begin(_SEED, share=1 / (2 * _BLOCKS))
        self._shared = SharedLearning(self.mixture.shared.parameters(), run.trainer.optimizer, run.trainer.gradient_clip)
        self._drawn = torch.Generator().manual_seed(_SEED)

    @property
    def parts(self) -> Parts:
        """What it is made of, for the formula."""
        return building.parts(self.mixture, self._room, _SEQUENCES * _CONTEXT)

    def window(self) -> None:
        """Learn from one window, by what the trainer learns by."""
        drawn_BT = torch.randint(_VOCABULARY, (_SEQUENCES, _CONTEXT + 1), generator=self._drawn)
        self.mixture.learn(drawn_BT.to(self._device), rate=_EXPERTS_RATE)
        self._shared.step(_RATE)

    def rehearse(self) -> None:
        """The most that a window can ask of the device: all tokens want the same experts, in this window, and teach them in the next."""
        shared = self.mixture.shared
        router, shared.router = shared.router, _Crowding(shared.router)
        self.window()
        shared.router = router
        self.window()


class _Crowding(Router):
    """A router that sends every token to the first experts."""

    def __init__(self, router: Router) -> None:
        nn.Module.__init__(self)
        self._router = router

    def forward(self, x_ND: Tensor) -> Scores:
        return _Crowded(self._router(x_ND), len(x_ND))


class _Crowded:
    def __init__(self, scores: Scores, tokens: int) -> None:
        self._scores, self._tokens = scores, tokens

    def choose(self, handicap_E: Tensor, active: int) -> Tensor:
        self._scores.choose(handicap_E, active)
        return torch.arange(active, device=handicap_E.device).repeat(self._tokens, 1)

    def of(self, chosen_NK: Tensor) -> Tensor:
        return self._scores.of(chosen_NK)


def _run(wanted: Wanted, count: int) -> Run:
    heads = wanted.width // _HEAD_WIDTH if wanted.width % _HEAD_WIDTH == 0 else 1
    phase = {"name": "proof", "steps": wanted.windows, "contextLength": _CONTEXT, "batchSize": _SEQUENCES, "learningRate": _RATE}
    model = {"layers": _BLOCKS, "width": wanted.width, "heads": heads}
    mixture = {"count": count, "active": wanted.active, "innerWidth": wanted.inner}
    alone = {"expertsPerSlot": 1}  # the least that a slot can hold: what experts took of the device would show most
    trainer = {"kind": "experts", "model": model, "mixture": mixture, "memory": alone}
    return Run.model_validate({"name": "proof", "trainer": trainer, "phases": [phase], "checkpoint": {"uri": "file:///unused"}})
