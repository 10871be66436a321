"""Encoding the planes of a stack ahead of the clicks: in which order, and what comes of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

from numpy.typing import NDArray

from napari_m2n2.annotation.compute import create_segmenter, inference_mode, refuse_too_large
from napari_m2n2.annotation.jobs import Failed, Settings, Stopped
from napari_m2n2.annotation.kept_attention import kept_attention
from napari_m2n2.annotation.planes import Plane
from napari_m2n2.errors import Cancelled, MissingError, UserError, is_out_of_memory
from napari_m2n2.image import Contrast
from napari_m2n2.progress import Progress

TRIES = 3
"""How often a plane is begun that fails."""

FULL = 0.85
"""Share of a store that one stack takes at most, since it deletes down to a share."""


@dataclass(frozen=True)
class Encoded:
    """A plane is in the store.

    Attributes
    ----------
    new : bool
        Whether it was not before.
    size : int
        Bytes that were put there.
    problem : str
        Why it is there in memory only; "" where it is on the disk.
    """

    new: bool
    size: int = 0
    problem: str = ""


@dataclass(frozen=True)
class Useless:
    """No plane can be encoded; `message` is one sentence for the user."""

    message: str


Outcome: TypeAlias = Encoded | Failed | Useless | Stopped

Encode: TypeAlias = Callable[[Callable[[], NDArray[Any]], Contrast, Settings, Progress], Outcome]
"""Encodes what a function reads, and never raises."""


class PlaneQueue:
    """Which planes are left, the one nearest to that on screen first.

    Parameters
    ----------
    planes : iterable of Plane
        Of one stack.
    problem : str
        Why the disk cannot be used from the beginning.

    Attributes
    ----------
    all : int
        How many there were.
    new, known : int
        How many were encoded, and how many were in the store before.
    size : int
        Bytes that one of them takes in the store; 0 while it is not known.
    problem : str
        Why those to come are kept in memory only; "" while they are on the disk.
    failures : dict of Plane to str
        Those that failed `TRIES` times, and why.
    """

    def __init__(self, planes: Iterable[Plane], problem: str = "") -> None:
        self._left = dict.fromkeys(planes)
        self.problem = problem
        self._on_disk = 0
        self._tries: Counter[Plane] = Counter()
        self.all = len(self._left)
        self.new = self.known = self.size = 0
        self.failures: dict[Plane, str] = {}

    @property
    def left(self) -> int:
        """How many are left."""
        return len(self._left)

    def fills(self, limit: int) -> bool:
        """Whether one plane more would take the place of another of this stack.

        Parameters
        ----------
        limit : int
            Bytes that may be kept on the disk, or in memory where there is a problem with it.
        """
        return (self.new + self.known - self._on_disk + 1) * self.size > limit * FULL

    def next(self, shown: Plane | None) -> Plane | None:
        """Return the plane to encode now; None if none is left.

        Those that failed come last; of two that are equally near, the one behind comes first.
        """
        if not self._left:
            return None
        if shown is None:
            return min(self._left, key=self._tries.__getitem__)

        def rank(plane: Plane) -> tuple[int, int, tuple[int, ...]]:
            away = [p[1] - s[1] for p, s in zip(plane.hidden, shown.hidden, strict=False)]
            return self._tries[plane], sum(abs(step) for step in away), tuple(-s for s in away)

        return min(self._left, key=rank)

    def settle(self, plane: Plane, outcome: Outcome) -> None:
        """Take note of what came of a plane; one that was stopped or failed is left."""
        if plane not in self._left:
            return
        if isinstance(outcome, Encoded):
            if outcome.problem and not self.problem:
                self.problem, self._on_disk = outcome.problem, self.new + self.known
            self.new += outcome.new
            self.known += not outcome.new
            self.size = max(self.size, outcome.size)
        elif isinstance(outcome, Failed):
            self._tries[plane] += 1
            if self._tries[plane] < TRIES:
                return
            self.failures[plane] = outcome.message
        else:
            return
        del self._left[plane]


def encode_plane(
    read: Callable[[], NDArray[Any]],
    contrast: Contrast,
    settings: Settings,
    progress: Progress,
) -> Outcome:
    """Put what clicks on a plane need into the store of the window; never raises.

    Parameters
    ----------
    read : callable
        Gives the plane, (H, W) or (H, W, C).
    contrast : (float, float) or "percentile", optional
        See `napari_m2n2.image.to_rgb`.
    settings : Settings
    progress : callable
        Called as ``progress(phase, fraction)``; it may raise `Cancelled`.
    """
    store = kept_attention()
    before = store.taken
    try:
        progress("reading the image", 0.0)
        image = read()
        refuse_too_large(image)
        segmenter = create_segmenter(settings)
        with inference_mode():
            new = segmenter.encode(image, contrast=contrast, progress=progress)
    except Cancelled:
        return Stopped()
    except MissingError as error:
        return Useless(str(error))
    except UserError as error:
        return Failed(str(error))
    except Exception as error:  # noqa: BLE001 - a worker of napari must never raise
        if is_out_of_memory(error):
            return Useless("There is not enough memory to encode this stack; set a smaller grid.")
        return Failed(f"An unexpected error stopped it ({type(error).__name__}: {error}).")
    return Encoded(new, store.taken - before, store.problem)
