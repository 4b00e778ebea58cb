"""Carries out a pass: brings experts, has them compute, takes them back."""

from collections.abc import Collection, Sequence
from typing import Final, Protocol

import torch
from torch import Tensor

from tandem_trainer.experts.moving.link import Link, Traffic, link_to
from tandem_trainer.experts.moving.rows import Rows
from tandem_trainer.experts.moving.schedule import Pass, Visit, plan
from tandem_trainer.experts.moving.slots import Desk, HostRows, Slots, Weights
from tandem_trainer.experts.sizes import Room, Sizes

_FORESEEN: Final = 8  # visits whose experts are announced: enough for a disk to read several at a time, few enough to be kept until then


class Work(Protocol):
    """What experts have to do in a pass."""

    @property
    def learning(self) -> Collection[int]:
        """Experts that learn."""
        ...

    @property
    def answering(self) -> Collection[int]:
        """Experts that are asked."""
        ...

    def work(self, visit: Visit, weights: Weights, desk: Desk) -> None:
        """Do it for the experts of a visit, whose weights those are."""
        ...


class Mover:
    """All experts of a layer, wherever they are."""

    def __init__(self, sizes: Sizes, room: Room, rows: Rows, link: Link) -> None:
        self._room, self._rows, self._link = room, rows, link
        self.slots = Slots(sizes, room, link.device)
        self.passes = 0
        self._hot: tuple[int | None, ...] = ()
        self._changed: frozenset[int] = frozenset()
        self._heat: dict[int, int] = {}
        self._ahead = room.streaming - 2  # copies in that are begun before their turn: one slot computes, one goes out

    @property
    def device(self) -> torch.device:
        """Where experts compute."""
        return self._link.device

    @property
    def traffic(self) -> Traffic:
        """What was copied."""
        return self._link.traffic

    def go_round(self, turn: Work, *, farewell: bool = False) -> None:
        """One pass over the experts that have something to do; with `farewell` the host knows all there is afterwards."""
        learning, answering = turn.learning, turn.answering
        made = plan(
            self._room,
            learning=learning,
            answering=answering,
            hot=self._hot,
            changed=self._changed,
            heat=self._heat,
            farewell=farewell,
        )
        self._carry_out(made, turn)
        self.passes += 1
        self._hot, self._changed = made.hot, made.changed
        if self._room.hot:
            for expert in {*learning, *answering}:
                self._heat[expert] = self._heat.get(expert, 0) + 1
        if farewell:
            self._heat.clear()  # after a checkpoint a run goes on as one that is resumed from it, copy by copy
            self._link.finish()
            self._rows.settle()

    def forget(self) -> None:
        """The rows of the host were replaced: what is on the device counts no more."""
        self._hot, self._changed = (), frozenset()
        self._heat.clear()

    def _carry_out(self, made: Pass, turn: Work) -> None:
        self._rows.settle()
        self._link.begin()
        ahead, foreseen = self._ahead, self._ahead + _FORESEEN
        self._expect(made.visits[:foreseen])
        for visit in made.visits[:ahead]:
            self._bring(visit)
        for number, visit in enumerate(made.visits):
            self._expect(made.visits[number + foreseen : number + foreseen + 1])
            with self._link.computing(visit.slot):
                turn.work(visit, self.slots[visit.slot], self.slots.desk)
            for coming in made.visits[number + ahead : number + ahead + 1]:  # into another slot, while this one's work is done
                self._bring(coming)
            if visit.goes:
                rows = self._rows.leaving(visit.slot, _experts(visit, visit.goes))
                self._link.take_back(visit.slot, list(zip(rows, self._places(visit, visit.goes), strict=True)))

    def _expect(self, visits: Sequence[Visit]) -> None:
        for visit in visits:
            self._rows.expect(_experts(visit, visit.comes))

    def _bring(self, visit: Visit) -> None:
        if visit.comes:
            rows = self._rows.coming(visit.slot, _experts(visit, visit.comes))
            self._link.bring(visit.slot, list(zip(self._places(visit, visit.comes), rows, strict=True)))

    def _places(self, visit: Visit, places: Collection[int]) -> list[Tensor]:
        rows_GR = self.slots[visit.slot].rows_GR
        return [rows_GR[place] for place in places]


def _experts(visit: Visit, places: Collection[int]) -> list[int]:
    experts = [visit.experts[place] for place in places]
    return [expert for expert in experts if expert is not None]  # a place that copies has one


def open_mover(sizes: Sizes, room: Room, link: Link | None = None) -> tuple[Mover, HostRows]:
    """Rows for all experts in host memory, and who moves them; on the processor where no link is given."""
    link = link or link_to(torch.device("cpu"), room.slots)
    rows = HostRows(sizes, link)
    return Mover(sizes, room, rows, link), rows
