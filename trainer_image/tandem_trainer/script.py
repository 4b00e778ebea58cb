"""For a training loop of your own: checkpoints, SIGTERM, resume and reports in three lines.

    with script.begin(model=model, optimizer=optimizer) as run:  # state comes back here, if there is any
        for at in run.steps():  # only the steps that are left
            run.report(loss=train_step(at), tokens=batch.numel())  # told, and saved when that is due

Whatever has `state_dict` and `load_state_dict` is state. Every rank is taken to hold the same state (data parallel).
What follows the `with` block runs only when all steps are done. Started by hand, without Tandem, the same program makes
TANDEM_STEPS steps (100 if unset) and saves nothing.
"""

import os
import runpy
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from tandem_trainer import link as links
from tandem_trainer.exit_codes import PREEMPTED
from tandem_trainer.job import Job, Phase
from tandem_trainer.rank.schedule import positions
from tandem_trainer.refusal import Refusal
from tandem_trainer.trainer import Position, StepReport
from tandem_trainer.verdict import verdict

if TYPE_CHECKING:  # torch is loaded by who begins: a script that cannot be read is told of at once
    from tandem_trainer.rank.replicated import Stateful

_STEPS_BY_HAND = "100"


class ScriptRun(Protocol):
    """What a script has of its run."""

    def __enter__(self) -> Self: ...
    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...

    def steps(self) -> Iterator[Position]:
        """The steps that are left; ends early when the run is to stop, after the last one was saved."""
        ...

    def report(self, *, loss: float, tokens: int = 0, gradient_norm: float | None = None) -> None:
        """The step that `steps` named last is done. Called once a step, by every rank, with its own loss."""
        ...


def begin(**state: "Stateful") -> ScriptRun:
    """Take part in the run that started this process; `state` is restored at once, and saved from then on."""
    link = _agent()
    return _Managed(link, state) if link is not None else _ByHand()


def main() -> None:
    """What an agent starts: the script named by the first argument, as if it had been started by hand."""
    links.die_with_agent(os.environ)
    link = _agent()
    assert link is not None, "only an agent calls this"
    path, sys.argv = sys.argv[1], sys.argv[1:]
    sys.path[0] = str(Path(path).resolve().parent)
    try:
        runpy.run_path(path, run_name="__main__")
    except Exception as error:  # noqa: BLE001  # whatever it is, the agent must hear of it before this process ends
        code, line = verdict(error)
        link.send(links.Ended(message=line))
        sys.exit(code)


@cache
def _agent() -> links.Link | None:
    return links.to_agent(os.environ)


class _Managed:
    """A script that an agent started."""

    def __init__(self, link: links.Link, state: Mapping[str, "Stateful"]) -> None:
        from tandem_trainer.rank.replicated import Replicated
        from tandem_trainer.rank.session import Session
        from tandem_trainer.rank.world import World

        job, self._world = Job.from_environment(os.environ), World.from_environment(os.environ)
        self._world.insist_on(job.run.gpus_per_worker)
        self._world.join()
        self._state = Replicated(state, self._world)
        self._state.outline()  # what cannot be saved is known now, not at the first checkpoint
        self._session = Session(job, self._world, link)
        self._at: Position | None = None
        self._session.resume(os.environ, self._state.restore, self._state.slices)

    def steps(self) -> Iterator[Position]:
        for at in self._session.positions():
            self._at = at
            yield at
            if self._at is not None:
                message = f"step {at.step} was not reported: call report(loss=...) once in every step"
                raise Refusal(message)

    def report(self, *, loss: float, tokens: int = 0, gradient_norm: float | None = None) -> None:
        at, self._at = self._at, None
        if at is None:
            message = "report was called twice in a step: call report(loss=...) once in every step"
            raise Refusal(message)
        told = StepReport(loss=self._session.mean(loss), tokens=tokens * self._world.size, gradient_norm=gradient_norm)
        self._session.stepped(at, told, self._state.slices, lambda: {"state": self._state.outline()})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        del kind, trace
        if error is None and self._session.left_early:
            sys.exit(PREEMPTED)


class _ByHand:
    """A script that a person started."""

    def __init__(self) -> None:
        self._phase = Phase(name="by-hand", steps=int(os.environ.get("TANDEM_STEPS", _STEPS_BY_HAND)), schedule="constant")
        self._step = 0

    def steps(self) -> Iterator[Position]:
        for at in positions((self._phase,), 0):
            self._step = at.step + 1
            yield at

    def report(self, *, loss: float, tokens: int = 0, gradient_norm: float | None = None) -> None:
        del tokens, gradient_norm
        print(f"step {self._step}/{self._phase.steps}  loss {loss:.4f}", flush=True)  # noqa: T201  # a person watches

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...


if __name__ == "__main__":
    main()
