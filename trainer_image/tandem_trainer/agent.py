"""The agent: one in every worker. It starts the ranks, outlives them, and keeps safe what they leave behind.

It never imports torch, so it is up at once and small; what it knows of training is what the ranks tell it over their
links. SIGTERM is passed on and means: checkpoint, then leave. It leaves only when all that was handed to it is uploaded.
"""

import logging
import os
import queue
import selectors
import signal
import socket
import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

from tandem_objects import Store, open_store
from tandem_rpc.process import last_word

from tandem_trainer import last_words
from tandem_trainer.data import prepare
from tandem_trainer.exit_codes import DO_NOT_RESTART, DONE, FAILED, PREEMPTED, UNAVAILABLE
from tandem_trainer.job import Job
from tandem_trainer.link import Ended, Message, Prepared, Released, Resumed, Save, Snapshot, Stepped
from tandem_trainer.refusal import Refusal
from tandem_trainer.verdict import verdict
from tandem_trainer.worker import arrival, ranks
from tandem_trainer.worker.asked import Asked
from tandem_trainer.worker.farewell import Farewell
from tandem_trainer.worker.reporting import Reporting
from tandem_trainer.worker.unsaved import Unsaved
from tandem_trainer.worker.uploads import Kept, Saved, Swept, Uploads

Result = Saved | Kept | Swept
_LOOK_EVERY_S = 0.2  # how soon a rank's end is noticed


class Agent:
    """One worker's life."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._reporting = Reporting(job)
        self._asked = Asked(job.asked if job.leads else None)
        self._results: queue.SimpleQueue[Result] = queue.SimpleQueue()
        self._ours, self._wake = socket.socketpair()
        self._ranks: tuple[ranks.Rank, ...] = ()
        self._codes: dict[int, int] = {}
        self._verdict: int | None = None
        self._farewell = Farewell(job.grace_s)
        self._saving = 0
        self._asked_to_leave = self._passed_on = self._resumed = False
        self._unsaved = Unsaved(leads=job.leads)
        self.message = ""

    def run(self) -> int:
        """From the first look at the store to the exit code.

        Raises:
            Refusal, ObjectError, CheckpointError: when something is wrong before any rank was started.
        """
        self._check_script()
        store = open_store(self._job.run.checkpoint.uri, os.environ)
        try:
            self._await(store)
        except arrival.AskedToLeave:
            return PREEMPTED
        self._uploads = Uploads(self._job, store, self._finished)
        self._ranks = ranks.start(self._job, os.environ)
        self._live(self._preparing())
        self._uploads.drain()
        self._settle()
        return self._exit_code()

    def _await(self, store: Store) -> None:
        """Look at the store: a wrong address or key is known now, not after minutes of start-up."""
        _heed(arrival.leave)
        arrival.awaited(store, patience_s=self._job.store_patience_s, say=self._reporting.line)
        _heed(self._on_signal)

    def _check_script(self) -> None:
        trainer = self._job.run.trainer
        if trainer.kind == "script" and not Path(trainer.path).is_file():
            message = f"trainer.script.path: {trainer.path} is no file here: correct it, or put the script there"
            raise Refusal(message)

    def _preparing(self) -> Future[tuple[str, ...]] | None:
        """Token shards are made while the ranks still import their libraries; a script brings data of its own."""
        if self._job.run.trainer.kind == "script":
            return None
        return ThreadPoolExecutor(1, "prepare").submit(self._prepare)

    def _prepare(self) -> tuple[str, ...]:
        run, cache, say = self._job.run, self._job.cache, self._reporting.line
        return tuple(str(prepare.phase(phase, run.trainer.model.pretrained, cache, say)) for phase in run.phases)

    def _live(self, preparing: Future[tuple[str, ...]] | None) -> None:
        """Listen to the ranks until the last of them has ended."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._ours, selectors.EVENT_READ)
            for rank in self._ranks:
                selector.register(rank.link, selectors.EVENT_READ, rank)
            while len(self._codes) < len(self._ranks):
                for key, _ in selector.select(_LOOK_EVERY_S):
                    if not self._hear(key.data):
                        selector.unregister(key.fileobj)
                if preparing is not None and preparing.done():
                    self._prepared(preparing)
                    preparing = None
                self._settle()
                self._look_after_ranks()
                self._pass_on()

    def _hear(self, rank: ranks.Rank | None) -> bool:
        """Take in what a rank said; False once it has hung up. None is a result that waits in `_results`."""
        if rank is None:
            self._ours.recv(4096)
            return True
        try:
            while (received := rank.link.receive(0)) is not None:
                self._told(*received)
        except ConnectionError:
            return False
        return True

    def _told(self, message: Message, descriptor: int | None) -> None:
        match message:
            case Stepped():
                self._reporting.stepped(message)
            case Snapshot():
                assert descriptor is not None
                self._saving += 1
                self._uploads.save(message, descriptor)
            case Resumed():
                self._resumed = True
                self._uploads.distrusted = message.passed_over
                self._reporting.resumed(message)
            case Ended():
                self.message = self.message or message.message
            case Released() | Prepared() | Save():
                raise AssertionError(message)

    def _prepared(self, preparing: Future[tuple[str, ...]]) -> None:
        try:
            shards = preparing.result()
        except Refusal as refusal:
            self._give_up(str(refusal), DO_NOT_RESTART)
            return
        except OSError as error:
            self._give_up(f"data cannot be prepared: {error}", FAILED)
            return
        for rank in self._ranks:
            self._send(rank, Prepared(shards=shards))

    def _give_up(self, message: str, code: int) -> None:
        """End the ranks; this agent's exit code is settled, whatever theirs are."""
        self.message, self._verdict = message, code
        self._signal_ranks(signal.SIGKILL)

    def _look_after_ranks(self) -> None:
        if self._asked_to_leave and not self._passed_on:
            self._passed_on = True
            self._farewell.left()
            self._signal_ranks(signal.SIGTERM)
        for rank in self._ranks:
            if rank.number not in self._codes and (code := rank.exit_code) is not None:
                self._hear(rank)
                self._ended(rank, code)
        if self._farewell.look(saving=self._saving > 0):
            self._signal_ranks(signal.SIGKILL)

    def _pass_on(self) -> None:
        """Ask rank 0 for a checkpoint that somebody asks for; before it has gone on from somewhere it could not take that in."""
        if self._resumed and (after := self._asked.news()) is not None:
            self._reporting.line(f"asked for a checkpoint of a step after {after}")
            self._send(self._ranks[0], Save(after=after))

    def _ended(self, rank: ranks.Rank, code: int) -> None:
        self._codes[rank.number] = code
        if code not in {DONE, PREEMPTED}:
            self.message = self.message or f"rank {rank.number} ended with exit code {code}"
            self._farewell.fell()
        elif code == PREEMPTED:
            self._farewell.left()

    def _settle(self) -> None:
        """Act on what the uploading threads have finished."""
        while not self._results.empty():
            match self._results.get():
                case Swept() as swept:
                    for warning in swept.warnings:
                        self._reporting.line(f"warning: {warning}")
                case Saved() as saved:
                    self._saving -= 1
                    rank = next(rank for rank in self._ranks if rank.number == saved.snapshot.rank)
                    self._send(rank, Released(generation=saved.snapshot.generation))
                    self._judge(saved)
                case Kept() as kept:
                    self._judge(kept)
                    if kept.committed is not None:
                        self._reporting.kept(kept)

    def _judge(self, result: Saved | Kept) -> None:
        self._unsaved.hear(result)
        if result.fenced:
            self._give_up(f"a newer attempt has taken over: {result.problem}", PREEMPTED)
        elif result.contested:
            self._give_up(result.problem, DO_NOT_RESTART)
        elif result.problem:
            self._reporting.not_checkpointed(result.problem)

    def _exit_code(self) -> int:
        if self._verdict is not None:
            return self._verdict
        code = ranks.exit_code(self._codes.values())
        if code not in {DONE, DO_NOT_RESTART} and (self._asked_to_leave or PREEMPTED in self._codes.values()):
            code = PREEMPTED  # however it left: a rank may fall because another has left already, as one that is fenced off does by itself
        if code in {DONE, PREEMPTED} and self._unsaved.problem:
            self.message = f"the last checkpoint is not safe: {self._unsaved.problem}"
            return UNAVAILABLE
        if code == DONE and self._job.leads and self._reporting.step < (total := self._job.run.total_steps):
            self.message = (
                f"training ended at step {self._reporting.step} of {total}, though nobody asked it to: make the steps that are left"
            )
            return DO_NOT_RESTART
        return code

    def _send(self, rank: ranks.Rank, message: Message) -> None:
        """Tell a rank something; one that has ended need not know."""
        try:
            rank.link.send(message)
        except ConnectionError:
            return

    def _finished(self, result: Result) -> None:
        self._results.put(result)
        self._wake.send(b".")

    def _signal_ranks(self, number: int) -> None:
        for rank in self._ranks:
            rank.signal(number)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._asked_to_leave = True
        self._wake.send(b".")

    def close(self) -> None:
        """Say the last words."""
        self._reporting.close()


def _heed(does: Callable[[int, FrameType | None], None]) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, does)


def main() -> NoReturn:
    """The agent of the worker that the environment describes.

    Its last words go to the file `exit` in its scratch folder, and to TANDEM_TERMINATION_LOG where kubelet looks for them.
    """
    log = os.environ.get("TANDEM_TERMINATION_LOG")
    logging.getLogger("stamina").setLevel(logging.ERROR)  # it tells of each try; we tell what is waited for, and what came of it
    code, said = _run()
    message = last_words.without_secrets(said, os.environ)
    if message:
        with suppress(OSError):
            print(message, file=sys.stderr, flush=True)  # noqa: T201  # standard error is the log of a worker
    if log:
        with suppress(OSError):
            last_words.for_kubelet(Path(log), message)
    os._exit(last_word.said(os.environ, code, message))  # a thread that still prepares data must not hold up the end


def _run() -> tuple[int, str]:
    try:
        agent = Agent(Job.from_environment(os.environ))
        try:
            code = agent.run()
        finally:
            agent.close()
    except Exception as error:  # noqa: BLE001  # whatever it is, the shell must hear of it
        return verdict(error)
    return code, agent.message


if __name__ == "__main__":
    main()
