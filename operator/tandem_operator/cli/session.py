"""A person's session with a run: act for it if nobody else does, watch it otherwise, and take over when its owner dies.

Two people, or one in two terminals, may follow the same run. Exactly one of them holds its lock and acts; Ctrl-C there means
"checkpoint, then stop". For all others it means "leave me out of it".
"""

import select
from dataclasses import replace
from datetime import UTC, datetime
from typing import Generic

from tandem_operator.local.shell import Looked
from tandem_operator.local.state import wanted
from tandem_operator.local.state.owner import Ownership
from tandem_operator.local.state.run_folder import Happened, Run, StateFolder, Status

from .care import Care, Caring
from .exits import Exit
from .interrupts import Interrupts
from .refusal import refusal
from .show.screen import Screen

_VIEW_EVERY_S = 0.5
_RETRY_FIRST_S, _RETRY_LONGEST_S = 0.5, 30.0


class Session(Generic[Run, Status]):
    """One person, one run, one screen."""

    def __init__(self, folder: StateFolder[Run, Status], screen: Screen[Run], care: Care[Status]) -> None:
        self._folder = folder
        self._screen = screen
        self._care = care
        self._said = sum(1 for _ in folder.events())
        self._stopping = False
        self._trouble = ""
        self._pause_s = _RETRY_FIRST_S

    def follow(self) -> Exit:
        """Follow the run to its end, its rest, or until the person leaves."""
        with Interrupts() as interrupts, self._folder.ownership() as lock:
            if not lock.take() and self._watch(lock, interrupts):
                return Exit.DETACHED
            return self._act(interrupts)

    def _watch(self, lock: Ownership, interrupts: Interrupts) -> bool:
        """Show what another process does, until it ends and the lock is ours; say whether the person left before."""
        name, does = self._folder.name, "is stopping" if self._to_stop else "runs"
        self._screen.say(f"process {lock.holder()} {does} {name}; you are watching. Ctrl-C leaves, {self._meanwhile}")
        while not lock.take():
            self._screen.offer(f"leave, {self._meanwhile}")
            self._show()
            select.select([interrupts.descriptor], [], [], _VIEW_EVERY_S)
            if interrupts.new():
                self._screen.say(f"left; process {lock.holder()} {'stops' if self._to_stop else 'goes on with'} {name}")
                return True
        return False

    @property
    def _to_stop(self) -> bool:
        """Whether somebody has asked the run to stop."""
        return self._folder.wanted().spec.suspend

    @property
    def _meanwhile(self) -> str:
        return "the run is stopped all the same" if self._to_stop else "the run goes on"

    def _act(self, interrupts: Interrupts) -> Exit:
        """Act for the run until nothing is left to do."""
        shell = self._care.caring()
        self._screen.offer("" if self._to_stop else self._care.leaving)
        try:
            while (looked := self._look(shell)) is None or looked.over is None:
                if looked is None:
                    self._pause(interrupts)
                else:
                    shell.wait(looked.again_s, interrupts.descriptor)
                if interrupts.new():
                    self._asked()
            return self._care.ended(self._folder.status())
        finally:
            shell.close()

    def _look(self, shell: Caring) -> Looked | None:
        """Look once; None when the machine refuses, which is said, and is to be tried again after a pause."""
        try:
            looked = shell.look()
        except OSError as error:
            self._pause_s = min(self._pause_s * 2, _RETRY_LONGEST_S)
            self._screen.say(f"{refusal(error)}; trying again in {self._pause_s:.0f} s")
            return None
        self._pause_s = _RETRY_FIRST_S
        self._show()
        self._say_once(shell.trouble)
        return looked

    def _pause(self, interrupts: Interrupts) -> None:
        """Wait for a machine that refuses, or the person: a worker that has ended and cannot be put on record would wake at once."""
        select.select([interrupts.descriptor], [], [], self._pause_s)

    def _say_once(self, trouble: str) -> None:
        if trouble and trouble != self._trouble:
            self._trouble = trouble
            self._screen.say(trouble)

    def _asked(self) -> None:
        """The person wants to leave: first time, ask for a stop; then, say what takes so long."""
        wanted.ask_stop(self._folder)
        if not self._stopping:
            self._stopping = True
            self._screen.offer("")
            self._screen.say(f"stopping {self._folder.name}: {self._care.stopping}")
            return
        self._screen.say(f"still stopping {self._folder.name}: {self._care.still_stopping(self._folder.status())}")

    def _show(self) -> None:
        for happened in self._news():
            self._screen.happened(happened if self._to_stop else _brief(happened))
        self._screen.show(self._folder.run(), datetime.now(UTC))

    def _news(self) -> list[Happened]:
        events = list(self._folder.events())
        new, self._said = events[self._said :], len(events)
        return new


def _brief(happened: Happened) -> Happened:
    """Why a run has failed is told in full when it is over: `run` and `resume` end with it, `stop` does not."""
    if happened.event.reason != "Failed":
        return happened
    return replace(happened, event=replace(happened.event, message=happened.event.message.partition(":")[0]))
