"""Tasks in processes of this computer.

Each process has a pipe of its own to the parent. `concurrent.futures` was the alternative: there
one process that is killed breaks all the others, nobody is told which task it was at, and a task
gives nothing before its end. Queues that processes share were another: whoever is killed while it
holds their lock stops everyone.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import sys
import threading
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnContext
from typing import Any

from napari_m2n2.errors import MissingError
from napari_m2n2.parallel.outcomes import (
    TICK,
    TRIES,
    Ended,
    Failed,
    Outcome,
    Part,
    Work,
    describe,
)
from napari_m2n2.parallel.threads import environment, one_thread_for_children

_READY, _PART, _ENDED, _FAILED = range(4)
"""What a process tells its parent."""

_NONE = -1
"""The task of a process that is idle."""

_NO_WARNING = "ignore:resource_tracker"

_PATIENCE = 5.0
"""Seconds that an idle process gets for leaving by itself."""


def run_here(
    work: Work, tasks: Sequence[Any], workers: int, tick: Callable[[], None]
) -> Generator[Outcome, None, None]:
    """Do tasks in processes; see `napari_m2n2.parallel.run`."""
    crew = _Crew(work, tasks)
    try:
        while crew.unfinished:
            crew.fill(min(workers, crew.unfinished))
            tick()
            yield from crew.listen()
    finally:
        crew.dismiss()


class _Worker:
    """A process, and the task it is at."""

    def __init__(self, context: SpawnContext) -> None:
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs,), daemon=True)
        with one_thread_for_children():
            self.process.start()
        # nobody but the process holds the other end, so that its death ends the pipe
        theirs.close()
        self.ready = False
        self.task = _NONE
        self.parts = 0

    def tell(self, message: bytes) -> None:
        """Send something; that the process has died is seen when it is listened to."""
        with suppress(OSError):
            self.connection.send_bytes(message)

    def leave(self) -> None:
        """Have the process end, at once if it is at work."""
        self.connection.close()
        if self.task != _NONE or not self.ready:
            self.process.kill()

    def end(self) -> str:
        """Wait for the end of the process that was told to leave, and say how it ended."""
        self.process.join(_PATIENCE)
        self.process.kill()
        self.process.join()
        code = self.process.exitcode
        self.process.close()
        if code is not None and code < 0:
            return f"signal {-code}"
        return f"exit code {code}"


class _Crew:
    """The processes, and which tasks are left."""

    def __init__(self, work: Work, tasks: Sequence[Any]) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._work = pickle.dumps(work)
        self._tasks = tasks
        self._waiting = deque(range(len(tasks)))
        self._given: Counter[int] = Counter()
        self._tries: Counter[int] = Counter()
        self._stillborn = 0
        self._workers: list[_Worker] = []
        self.unfinished = len(tasks)

    def fill(self, count: int) -> None:
        """Start processes until there are so many."""
        if len(self._workers) < count:
            with _ctrl_c_waits():
                while len(self._workers) < count:
                    self._workers.append(_Worker(self._context))

    def listen(self) -> list[Outcome]:
        """Return what the processes tell, as soon as one does, or nothing after a tick."""
        speaking = wait([worker.connection for worker in self._workers], TICK)
        outcomes: list[Outcome] = []
        for worker in [worker for worker in self._workers if worker.connection in speaking]:
            try:
                kind, value = pickle.loads(worker.connection.recv_bytes())
            except (EOFError, OSError):
                outcomes += self._bury(worker)
            else:
                outcomes += self._hear(worker, kind, value)
        # not only those that spoke: a task may be back in the queue after others fell idle
        for worker in self._workers:
            if worker.ready and worker.task == _NONE and self._waiting:
                worker.task, worker.parts = self._waiting.popleft(), 0
                worker.tell(pickle.dumps(self._tasks[worker.task]))
        return outcomes

    def dismiss(self) -> None:
        """End all processes."""
        for worker in self._workers:
            worker.leave()
        while self._workers:
            self._workers.pop().end()

    def _hear(self, worker: _Worker, kind: int, value: Any) -> Iterator[Outcome]:
        """Take what a process tells."""
        if kind == _READY:
            self._stillborn = 0
            worker.ready = True
            worker.tell(self._work)
        elif kind == _PART:
            worker.parts += 1
            # an earlier try may have given it
            if worker.parts > self._given[worker.task]:
                self._given[worker.task] += 1
                yield Part(worker.task, value)
        else:
            task, worker.task = worker.task, _NONE
            if kind == _FAILED:
                yield from self._fail(task, value)
            else:
                self.unfinished -= 1
                yield Ended(task)

    def _fail(self, task: int, reason: str) -> Iterator[Outcome]:
        """Put a task at the end of the queue, or give it up."""
        self._tries[task] += 1
        if self._tries[task] < TRIES:
            self._waiting.append(task)
        else:
            self.unfinished -= 1
            yield Failed(task, reason)

    def _bury(self, worker: _Worker) -> Iterator[Outcome]:
        """Take a process that has died from the crew."""
        self._workers.remove(worker)
        task, ready = worker.task, worker.ready
        worker.leave()
        how = worker.end()
        if task != _NONE:
            yield from self._fail(task, f"its process ended, with {how}")
        elif not ready:
            self._stillborn += 1
            if self._stillborn == TRIES:
                raise MissingError(
                    f"The worker processes do not start ({how}); a script that evaluates has to "
                    'do so below if __name__ == "__main__", and memory has to suffice.'
                )


@contextmanager
def _ctrl_c_waits() -> Iterator[None]:
    """Let Ctrl-C reach this process after the block, and those started in the block never."""
    if sys.platform == "win32":
        yield
        return
    _start_tracker()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start_tracker() -> None:
    """Start what takes away the semaphores of processes that were killed, if it is not there.

    The first process would bring it along, and let Ctrl-C through again; and it would warn of each
    semaphore, such as zarr has, though to take them away is what it is for.
    """
    warnings = os.environ.get("PYTHONWARNINGS")
    with environment({"PYTHONWARNINGS": ",".join(filter(None, [warnings, _NO_WARNING]))}):
        resource_tracker.ensure_running()


def _serve(connection: Connection) -> None:
    """Do one task after another in a process of its own, until the pipe ends."""
    # Ctrl-C reaches every process of a terminal of Windows; the parent alone answers it
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with suppress(EOFError, OSError):
        connection.send_bytes(pickle.dumps((_READY, None)))
        work = _load(connection.recv_bytes())
        while True:
            _perform(connection, work, connection.recv_bytes())


def _load(message: bytes) -> Work:
    """Return the work; if its module cannot be loaded, one that says so."""
    try:
        work: Work = pickle.loads(message)
    except Exception as error:  # noqa: BLE001 - whatever a module raises when it is loaded
        reason = error

        def work(task: Any) -> Iterator[Any]:
            raise reason

    return work


def _perform(connection: Connection, work: Work, message: bytes) -> None:
    """Send the parts of a task and how it ended."""
    last: tuple[int, str | None] = (_ENDED, None)
    try:
        for part in work(pickle.loads(message)):
            connection.send_bytes(pickle.dumps((_PART, part)))
    except Exception as error:  # noqa: BLE001 - the other tasks go on, whatever this one raised
        last = (_FAILED, describe(error))
    connection.send_bytes(pickle.dumps(last))


def _end_with_parent() -> None:
    """End this process as soon as its parent is gone, in the middle of a task if need be."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
