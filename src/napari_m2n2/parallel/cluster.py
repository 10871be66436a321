"""Tasks on a Dask cluster.

A part goes to the caller as an event of the scheduler, so that it is there before its task ends;
the result of the task is all of its parts once more, which makes up for events that were lost with
a worker. A task for each part was the alternative: it would repeat what the parts share.
"""

from __future__ import annotations

import itertools
import pickle
import queue
import secrets
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from napari_m2n2.errors import InputError, MissingError
from napari_m2n2.parallel.outcomes import TICK, TRIES, Ended, Failed, Outcome, Part, Work, describe
from napari_m2n2.parallel.threads import one_thread_here

if TYPE_CHECKING:
    from distributed import Client, Future

_SECONDS_TO_CONNECT = 20

_Said: TypeAlias = tuple[int, int, bytes | None]
"""A task, the place of an outcome among its outcomes, and the outcome, pickled; or None when Dask
says that the task has ended."""


class _Left:
    """The tasks that have not ended, and how many outcomes of each were told."""

    def __init__(self, client: Client, work: Work, tasks: Sequence[Any]) -> None:
        self._client = client
        self._work = work
        self._tasks = tasks
        self._topic = f"napari-m2n2-{secrets.token_hex(8)}"
        self.heard: queue.SimpleQueue[_Said] = queue.SimpleQueue()
        client.subscribe_topic(self._topic, lambda event: self.heard.put(event[1]))
        self.futures: dict[int, Future[Any]] = {}
        self._suspects: deque[int] = deque()
        self._alone = False
        self.given: Counter[int] = Counter()
        for number in range(len(tasks)):
            self._submit(number)

    def go_on(self) -> bool:
        """Return whether there is anything left, and see that something is done about it."""
        if not self.futures and self._suspects:
            self._alone = True
            self._submit(self._suspects.popleft())
        return bool(self.futures)

    def _submit(self, number: int) -> None:
        """Give a task to the scheduler."""
        future = self._client.submit(
            *(_perform, self._work, self._tasks[number], number, self._topic),
            pure=False,
            retries=TRIES - 1,
        )
        self.futures[number] = future
        future.add_done_callback(lambda done: self.heard.put((number, 0, None)))

    def take(self, number: int, message: bytes) -> Iterator[Outcome]:
        """Yield the next outcome of a task."""
        self.given[number] += 1
        outcome: Outcome = pickle.loads(message)
        if isinstance(outcome, Ended):
            # nobody needs its result: it is not made again when its worker dies
            self.futures.pop(number).release()
        yield outcome

    def fail(self, number: int, error: BaseException) -> Iterator[Outcome]:
        """Yield that a task has failed, or suspect it of having killed its workers."""
        from distributed.scheduler import KilledWorker

        del self.futures[number]
        if not isinstance(error, KilledWorker):
            yield Failed(number, describe(error))
        elif self._alone:
            yield Failed(number, "each worker process that began it ended")
        else:
            # Dask blames whatever waits at a worker for its death as well as the task it was at:
            # those that were blamed are done at the end, one by one
            self._suspects.append(number)


def run_on_cluster(
    work: Work, tasks: Sequence[Any], scheduler: str, tick: Callable[[], None]
) -> Generator[Outcome, None, None]:
    """Do tasks on the workers of a scheduler; see `napari_m2n2.parallel.run`."""
    client = _connect(scheduler)
    try:
        left = _Left(client, work, tasks)
        try:
            while left.go_on():
                tick()
                yield from _listen(client, left)
        except ConnectionError:
            raise MissingError(
                f"The Dask scheduler at {scheduler!r} does not answer any more; start it again, "
                "and then the same command."
            ) from None
        finally:
            client.cancel(list(left.futures.values()))
    finally:
        client.close()


def _connect(scheduler: str) -> Client:
    """Return a client of a scheduler that has workers."""
    try:
        from distributed import Client
    except ImportError:
        raise MissingError(
            "Dask is not installed here; install it with pip install napari-m2n2[cluster], "
            "or leave the scheduler out."
        ) from None
    try:
        client = Client(scheduler, timeout=_SECONDS_TO_CONNECT, set_as_default=False)
    except (OSError, ValueError) as error:
        raise InputError(
            f"There is no Dask scheduler at {scheduler!r} ({describe(error)}); give the address "
            "that dask scheduler prints, such as tcp://10.0.0.1:8786."
        ) from error
    try:
        client.wait_for_workers(1, timeout=_SECONDS_TO_CONNECT)
    except TimeoutError:
        client.close()
        raise InputError(
            f"The Dask scheduler at {scheduler!r} has no worker; start one with "
            f"dask worker {scheduler}."
        ) from None
    return client


def _listen(client: Client, left: _Left) -> Iterator[Outcome]:
    """Yield what the next message tells, if one comes within a tick."""
    try:
        number, place, said = left.heard.get(timeout=TICK)
    except queue.Empty:
        if client.status != "running":
            raise ConnectionError from None
        return
    if number not in left.futures:
        return
    if said is not None:
        # a task that is begun again tells its first parts again
        if place == left.given[number]:
            yield from left.take(number, said)
        return
    future = left.futures[number]
    if future.status == "finished":
        for part in future.result()[left.given[number] :]:
            yield from left.take(number, part)
    elif future.status == "error":
        yield from left.fail(number, future.exception())
    else:
        raise ConnectionError


def _perform(work: Work, task: Any, number: int, topic: str) -> list[bytes]:
    """Do a task in a Dask worker."""
    from distributed import get_worker

    one_thread_here()
    worker = get_worker()
    parts: list[bytes] = []
    for outcome in itertools.chain((Part(number, value) for value in work(task)), [Ended(number)]):
        parts.append(pickle.dumps(outcome))
        worker.log_event(topic, (number, len(parts) - 1, parts[-1]))
    return parts
