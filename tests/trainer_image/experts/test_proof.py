"""The proof that memory is flat, on the trainer's own parts: small, and with leaks that are planted."""

import dataclasses
import json
from collections.abc import Callable

import pytest
import torch
from tandem_trainer.experts.layer import Layer
from tandem_trainer.experts.proof.__main__ import main
from tandem_trainer.experts.proof.apart import EndedError, measured_apart
from tandem_trainer.experts.proof.judging import Row, judge
from tandem_trainer.experts.proof.measure import measured
from tandem_trainer.experts.proof.meter import TensorMeter
from tandem_trainer.experts.proof.wanted import Wanted
from tandem_trainer.experts.proof.workload import Workload
from torch import Tensor

_WANTED = Wanted(active=2, width=32, inner=48, windows=4, warm_up=1)
_ROW = 2 * 32 * 48  # numbers of an expert


def test_memory_is_flat_and_as_the_formula_says() -> None:
    """8, 16 and 32 experts, and 1,100 behind product keys: each held byte is foreseen, nothing varies, no more is asked for."""
    rows = [_measured(count) for count in (8, 16, 32, 1100)]
    assert [set(row.held_bytes) for row in rows] == [{row.predicted_bytes} for row in rows]
    verdict = judge(rows)
    assert verdict.faults == ()
    assert verdict.held.left.value == pytest.approx(0.0, abs=1e-6)
    resident = [row.resident_bytes for row in rows]
    assert resident[-1] - resident[0] > 1092 * _ROW * 4
    assert max(rows[-1].peak_bytes) < resident[-1] / 2


class _Hoarding:
    """The layer, with memory for each expert that nobody needs: kept, or only while experts answer."""

    def __init__(self, layer: Layer, *, kept: bool) -> None:
        self._layer = layer
        self._kept = torch.zeros(layer.sizes.count, _ROW) if kept else None

    def __getattr__(self, name: str) -> object:
        return getattr(self._layer, name)

    def answer(self, x_ND: Tensor, chosen_NK: Tensor) -> Tensor:
        """As the layer does, beside something large."""
        beside = torch.zeros(self._layer.sizes.count, 100 * _ROW) if self._kept is None else None
        answers = self._layer.answer(x_ND, chosen_NK)
        del beside
        return answers


class _Remembering(_Hoarding):
    """The layer, with something more to remember of each window."""

    def __init__(self, layer: Layer) -> None:
        super().__init__(layer, kept=True)
        self._memory: list[Tensor] = []

    def answer(self, x_ND: Tensor, chosen_NK: Tensor) -> Tensor:
        """As the layer does, and never forgets."""
        self._memory.append(x_ND.repeat(16, 1))
        return super().answer(x_ND, chosen_NK)


@pytest.mark.parametrize(("kept", "what"), [(True, "device memory grows"), (False, "its peak grows")])
def test_memory_for_each_expert_is_found(kept: bool, what: str) -> None:  # noqa: FBT001  # a parameter of the test
    """A leak that grows with the experts, at all times or only within a window, fails the proof by the slope."""
    verdict = judge([_measured(count, lambda layer: _Hoarding(layer, kept=kept)) for count in (8, 16, 32)])
    assert verdict.faults[0].startswith(what)
    assert kept is (verdict.held.left.value == pytest.approx(_ROW * 4))


def test_why_a_measurement_broke_off_is_told() -> None:
    """By the process that measures, whose standard error nobody may see."""
    with pytest.raises(EndedError, match=r"^measuring 8 experts ended with exit code 1: \w+Error: .+"):
        measured_apart(dataclasses.replace(_WANTED, active=9), 8, lambda _: None)


def test_memory_for_each_window_is_found() -> None:
    """A leak that grows with time fails the proof, with the allocations that it took and how memory varied."""
    faults = judge([_measured(count, _Remembering) for count in (8, 16, 32)]).faults
    assert "with 8 experts the allocator asked the device for more" in faults[0]
    assert any("memory varies by" in fault for fault in faults)


def test_a_tensor_counts_from_its_making_to_its_end() -> None:
    """Views and what lies on the host cost nothing; more is asked for only when more is held than ever before."""
    meter = TensorMeter()
    with meter.watching():
        on_host = torch.zeros(1000)
        meter.leave_out(on_host)
        kept = torch.zeros(100) + 1.0  # two at a time, one is left
        view = kept[10:].t()
        first = meter.sample()
        del kept
        again = torch.zeros(100)
    second = meter.sample()
    assert len(view) + len(again) == 190
    assert (first.held_bytes, first.peak_bytes, first.reserved_bytes) == (400, 800, 800)
    assert (second.held_bytes, second.peak_bytes, second.allocations - first.allocations) == (800, 800, 0)


@pytest.mark.slow
def test_the_whole_proof_in_processes_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 0, progress, a row for each number of experts in order, and the verdict; what is wrong is refused with 93."""
    small = ("--width", "32", "--inner", "48", "--windows", "3")
    assert main(("--experts", "16,8,32", *small)) == 0
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["row"]["experts"] for line in said if "row" in line] == [8, 16, 32]
    assert [line["window"]["done"] for line in said if "window" in line] == [1, 2, 3] * 3
    assert said[-1]["verdict"]["flat"] is True
    assert main(("--experts", "8", *small)) == 93
    assert capsys.readouterr().err.startswith("--experts: ")


def _measured(count: int, planted: Callable[[Layer], object] | None = None) -> Row:
    meter = TensorMeter()
    with meter.watching():
        workload = Workload(_WANTED, count, torch.device("cpu"), meter)
        if planted:
            workload.mixture.layer = planted(workload.mixture.layer)  # pyright: ignore[reportAttributeAccessIssue]
        return measured(workload, meter, _WANTED, lambda _: None)
