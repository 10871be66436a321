"""Whole stacks into the store of attention, so that no click has to wait for a plane."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from napari_m2n2 import parallel
from napari_m2n2.attention.store import readable
from napari_m2n2.attention.usual import LIMIT, default_limit
from napari_m2n2.bulk.clock import Clock, Pace
from napari_m2n2.bulk.engine import Engine, create, open_kept
from napari_m2n2.bulk.reading import Look, StackPlane
from napari_m2n2.errors import FileError, InputError, MissingError, UserError
from napari_m2n2.files.planes import AxisName
from napari_m2n2.files.stacks import Index, StackChoice, open_stack
from napari_m2n2.image import Contrast
from napari_m2n2.parallel import Failed, Outcome, Part
from napari_m2n2.progress import Progress, ignore
from napari_m2n2.segmenter import Segmenter

_AS_IT_IS: Contrast = (0.0, 1.0)
"""The contrast of an image that is in [0, 1] already."""


@dataclass(frozen=True)
class EncodeTask:
    """A plane to encode; `engine` has a store."""

    plane: StackPlane
    engine: Engine


@dataclass(frozen=True)
class PlaneEncoded:
    """A plane is in the store.

    Attributes
    ----------
    new : bool
        Whether anything of it was missing.
    size : int
        Bytes that were put there.
    """

    new: bool
    size: int = 0


@dataclass(frozen=True)
class PlaneUnkept:
    """A plane is not in the store and cannot be put there; `sentence` says why."""

    sentence: str


@dataclass(frozen=True)
class PlaneFailed:
    """A plane cannot be encoded.

    Attributes
    ----------
    sentence : str
    any_plane : bool
        Whether no other plane can be either.
    """

    sentence: str
    any_plane: bool = False


@dataclass(frozen=True)
class EncodeFailure:
    """What could not be encoded; the index is None for a whole file."""

    path: Path
    index: Index | None
    sentence: str


@dataclass(frozen=True)
class Encoded:
    """What an encoding came to.

    Attributes
    ----------
    planes : int
        How many the files have, as far as they could be read.
    new : int
        How many of them this call has encoded.
    known : int
        How many were in the store before.
    failures : tuple of EncodeFailure
    unkept : int
        How many are not in the store since it could not be written.
    """

    planes: int
    new: int
    known: int
    failures: tuple[EncodeFailure, ...]
    unkept: int = 0


_segmenters: dict[Engine, Segmenter] = {}
"""That of this process; loading its weights can take longer than a plane."""


def encode_plane(task: EncodeTask) -> Iterator[PlaneEncoded | PlaneUnkept | PlaneFailed]:
    """Yield, once, whether a plane is in the store now."""
    if task.engine not in _segmenters:
        _segmenters.clear()
        try:
            _segmenters[task.engine] = create(task.engine)
        except UserError as error:
            yield PlaneFailed(str(error), any_plane=True)
            return
    segmenter = _segmenters[task.engine]
    store = segmenter.store
    assert store is not None
    before = store.taken
    try:
        rgb = task.plane.rgb()
        if store.problem:  # what cannot be kept is not computed, but it may be there already
            new = not segmenter.is_encoded(rgb, contrast=_AS_IT_IS)
        else:
            new = segmenter.encode(rgb, contrast=_AS_IT_IS)
    except MissingError as error:
        yield PlaneFailed(str(error), any_plane=True)
        return
    except UserError as error:
        yield PlaneFailed(str(error))
        return
    if new and store.problem:
        yield PlaneUnkept(store.problem)
    else:
        yield PlaneEncoded(new, store.taken - before)


def encode(
    paths: Sequence[Path],
    engine: Engine,
    look: Look,
    *,
    axes: tuple[AxisName, ...] = (),
    channel_axis: AxisName | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    progress: Progress = ignore,
    warn: Callable[[str], None] = lambda sentence: None,
) -> Encoded:
    """Put all planes of image files into the store; what is there already is left alone.

    Parameters
    ----------
    paths : sequence of Path
        See `napari_m2n2.files.stacks.image_files`.
    engine : Engine
        With a store.
    look : Look
    axes, channel_axis
        See `napari_m2n2.files.stacks.StackChoice`; for all files.
    workers : int, optional
        Processes, each with one thread; by default one for each core.
    scheduler : str, optional
        Address of a Dask scheduler instead; its workers have to see the same files and store.
    progress : callable, optional
        Called about twice a second as ``progress(phase, fraction)``, the time left being in the
        phase; may raise `Cancelled`.
    warn : callable
        Is told, in one sentence, where the store is too small for all planes, and once where it
        cannot be written any more. The planes that are there are still counted then, and no other
        is computed.

    Raises
    ------
    InputError
        If the engine cannot be, or has no store.
    FileError
        If the store cannot be used.
    MissingError
        If weights, a package or the scheduler is missing.
    Cancelled
        From `progress`. What was encoded stays.
    """
    if engine.store is None:
        raise InputError("There is no store to encode into; name its folder.")
    problem = open_kept(engine.store).problem
    if problem:
        raise FileError(problem)
    planes, failures = _planes(paths, look, axes, channel_axis)
    tasks = [EncodeTask(plane, engine) for plane in planes]
    tally = _Tally(planes, failures, warn)
    clock = Clock("encoding", tally.pace, progress)
    outcomes = parallel.run(
        encode_plane, tasks, workers=workers, scheduler=scheduler, tick=clock.tick
    )
    with closing(outcomes):
        for outcome in outcomes:
            tally.take(outcome)
    return Encoded(len(planes), tally.new, tally.known, tuple(tally.failures), tally.unkept)


class _Tally:
    """What was told of the planes so far."""

    def __init__(
        self,
        planes: Sequence[StackPlane],
        failures: list[EncodeFailure],
        warn: Callable[[str], None],
    ) -> None:
        self._planes = planes
        self._warn = warn
        self.failures = failures
        self.new = self.known = self.unkept = self._ended = 0
        self._weighed = False

    def pace(self) -> Pace:
        """Return how far the work is; planes that were there before take hardly any time."""
        return Pace(max(len(self._planes), 1), self._ended, self.new, begun=True)

    def take(self, outcome: Outcome) -> None:
        """Count what a worker tells.

        Raises
        ------
        UserError
            If no plane can be encoded.
        """
        if isinstance(outcome, Part):
            self._count(outcome.task, outcome.value)
            return
        self._ended += 1
        if isinstance(outcome, Failed):
            self._fail(
                outcome.task,
                f"It could not be encoded ({outcome.reason}); the same command tries it again.",
            )

    def _count(self, task: int, told: PlaneEncoded | PlaneUnkept | PlaneFailed) -> None:
        """Count a plane."""
        if isinstance(told, PlaneEncoded):
            self.new += told.new
            self.known += not told.new
            self._weigh(told.size)
        elif isinstance(told, PlaneUnkept):
            if not self.unkept:
                self._warn(told.sentence)
            self.unkept += 1
        elif told.any_plane:
            raise FileError(told.sentence)
        else:
            self._fail(task, told.sentence)

    def _weigh(self, size: int) -> None:
        """Warn once where planes would take the place of others of the same command."""
        if not size or self._weighed:
            return
        self._weighed = True
        whole, limit = size * len(self._planes), default_limit()
        if whole > limit:
            self._warn(
                f"All planes together take {readable(whole)} but the store may have "
                f"{limit / 1e9:.3g} GB, so that the first ones will be deleted; set a larger "
                f"{LIMIT}."
            )

    def _fail(self, task: int, sentence: str) -> None:
        """Note what cannot be encoded."""
        plane = self._planes[task]
        self.failures.append(EncodeFailure(plane.stack.path, plane.index, sentence))


def _planes(
    paths: Sequence[Path], look: Look, axes: tuple[AxisName, ...], channel_axis: AxisName | None
) -> tuple[list[StackPlane], list[EncodeFailure]]:
    """Return all planes of files, and which files cannot be read."""
    planes: list[StackPlane] = []
    failures: list[EncodeFailure] = []
    for path in paths:
        choice = StackChoice(path, axes, channel_axis)
        try:
            planes += [StackPlane(choice, index, look) for index in open_stack(choice).indices]
        except UserError as error:
            failures.append(EncodeFailure(path, None, str(error)))
    return planes, failures
