"""Computing a job with a `Segmenter`: planes stay prepared, and whatever happens is an outcome.

torch and the method are imported when the first job is computed, in the thread that computes it.
"""

from __future__ import annotations

import gc
import logging
import sys
import time
import warnings
from collections import OrderedDict
from collections.abc import Callable, Hashable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.annotation.jobs import Failed, Job, Outcome, Segmented, Settings, Stopped
from napari_m2n2.annotation.kept_attention import kept_attention
from napari_m2n2.annotation.planes import MOST_PIXELS
from napari_m2n2.annotation.region import Region, whole_plane
from napari_m2n2.errors import Cancelled, InputError, UserError, is_out_of_memory
from napari_m2n2.progress import Progress

if TYPE_CHECKING:
    from napari_m2n2.segmenter import Segmenter

logger = logging.getLogger(__name__)

KEPT_PLANES = 4
"""How many planes stay prepared; at grid 64 each holds some 200 MB, at grid 128 some 3 GB."""


class PlaneSegmenter(Protocol):
    """What is used of `napari_m2n2.segmenter.Segmenter`."""

    @property
    def grid(self) -> tuple[int, int] | None:
        """Rows and columns of the attention grid."""

    @property
    def device(self) -> str:
        """Where it runs."""

    @property
    def rgb(self) -> NDArray[np.float32] | None:
        """The image as the method sees it."""

    def set_image(self, image: Any, *, contrast: Any = None, progress: Progress = ...) -> None:
        """Prepare a plane."""

    def segment(
        self,
        points: Any,
        labels: Any,
        *,
        boxes: Any = ...,
        scribbles: Any = ...,
        mask: Any = ...,
        thresholds: Any = ...,
        draft: bool = ...,
        progress: Progress = ...,
    ) -> Any:
        """Segment it; the result has mask, score, thresholds and timings.

        Only those of boxes, scribbles, mask and thresholds are given that there are, and `draft`
        only if it is one.
        """

    def distance_maps(self, points: Any, *, progress: Progress = ...) -> NDArray[np.float32]:
        """Return the distance map of each point."""


@dataclass(frozen=True, eq=False)
class _Prepared:
    """A plane that stays prepared, or its region."""

    segmenter: PlaneSegmenter
    region: Region


def create_segmenter(settings: Settings) -> Segmenter:
    """Create the real thing, which shares the attention that is kept with all others."""
    from napari_m2n2.segmenter import Segmenter

    own: dict[str, Any] = {} if settings.grid is None else {"grid": settings.grid}
    return Segmenter(
        settings.backbone,
        method=settings.method,
        preset=settings.preset,
        device=settings.device,
        refine=settings.refine,
        store=kept_attention(),
        **own,
    )


class Computer:
    """Computes jobs, one after another, from one thread at a time; never raises.

    Parameters
    ----------
    create : callable, optional
        Settings -> a `PlaneSegmenter`.
    kept : int
        How many planes stay prepared; the one not used for longest goes first.
    """

    def __init__(
        self,
        create: Callable[[Settings], PlaneSegmenter] = create_segmenter,
        *,
        kept: int = KEPT_PLANES,
    ) -> None:
        self._create = create
        self._kept = kept
        self._planes: OrderedDict[Hashable, _Prepared] = OrderedDict()

    def __call__(self, job: Job, preparing: Progress, segmenting: Progress) -> Outcome:
        """Compute a job; see `napari_m2n2.annotation.newest.Compute`."""
        try:
            with warnings.catch_warnings():
                # model libraries warn a lot, and napari would show each warning to the user
                warnings.simplefilter("ignore")
                return self._with_memory(job, preparing, segmenting)
        except Cancelled:
            return Stopped()
        except UserError as error:
            return Failed(str(error))
        except Exception as error:  # a worker of napari must never raise
            if is_out_of_memory(error):
                return Failed(memory_sentence(job.settings))
            logger.exception("unexpected error while segmenting")
            return Failed(
                f"An unexpected error stopped the segmentation ({type(error).__name__}: {error}); "
                "please report it with the text in the log."
            )

    def forget(self) -> None:
        """Give back the memory of all planes."""
        self._planes.clear()

    def _with_memory(self, job: Job, preparing: Progress, segmenting: Progress) -> Outcome:
        """Compute, and if memory runs out try once more without the other planes."""
        try:
            return self._compute(job, preparing, segmenting)
        except Exception as error:
            if not (is_out_of_memory(error) and self._planes):
                raise
        # outside the `except`, whose traceback would keep the large arrays alive
        self.forget()
        gc.collect()
        return self._compute(job, preparing, segmenting)

    def _compute(self, job: Job, preparing: Progress, segmenting: Progress) -> Outcome:
        """Prepare the plane if it is not known, then segment it."""
        start = time.perf_counter()
        prepared = self._planes.get(job.plane_key)
        if prepared is None:
            prepared = self._prepare(job, preparing)
        self._planes.move_to_end(job.plane_key)
        segmenting("segmenting", 0.0)
        with inference_mode():
            return _segment(job, prepared, segmenting, start)

    def _prepare(self, job: Job, preparing: Progress) -> _Prepared:
        """Read and encode a plane and keep it, in place of the one not used for longest."""
        preparing("reading the image", 0.0)
        image = job.read()
        refuse_too_large(image)
        preparing("loading the method", 0.0)
        segmenter = self._create(job.settings)
        while len(self._planes) >= self._kept:
            self._planes.popitem(last=False)
        with inference_mode():
            segmenter.set_image(image, contrast=job.contrast, progress=preparing)
        region = whole_plane(image.shape[:2]) if job.region is None else job.region
        prepared = self._planes[job.plane_key] = _Prepared(segmenter, region)
        return prepared


def _segment(job: Job, prepared: _Prepared, progress: Progress, start: float) -> Segmented:
    """Segment a plane that is prepared; `start` is when the work on it began."""
    segmenter, region = prepared.segmenter, prepared.region
    prompts, kept = job.prompts.within(region)
    given = prompts.arguments(region.size) | ({"draft": True} if job.draft else {})
    result = segmenter.segment(prompts.points, prompts.labels, progress=progress, **given)
    mask, score = np.array(result.mask, dtype=bool), np.array(result.score, dtype=np.float32)
    if prompts.excluded:
        excluded = prompts.excluded_mask(region.size)
        mask[excluded], score[excluded] = False, -1
    thresholds = np.full(len(kept), np.nan)
    thresholds[kept] = result.thresholds
    distance = None
    if job.map_of is not None and kept[job.map_of]:
        place = int(np.count_nonzero(kept[: job.map_of]))
        maps = segmenter.distance_maps(prompts.points[place : place + 1], progress=progress)
        distance = region.enlarge(maps[0])
    rows, columns = segmenter.grid or (0, 0)
    return Segmented(
        mask=region.enlarge(mask),
        score=region.enlarge(score),
        seconds={**result.timings, "total": time.perf_counter() - start},
        grid=(rows, columns),
        device=segmenter.device,
        weights=str(getattr(result, "weights", "")),
        thresholds=thresholds,
        left_out=prompts.outside,
        bounded=bool(getattr(result, "bounded", False)),
        distance=distance,
        image=segmenter.rgb if job.show_image else None,
    )


def refuse_too_large(image: NDArray[Any]) -> None:
    """Say so if a plane is too large to be segmented in one go."""
    rows, columns = image.shape[:2]
    if rows * columns > MOST_PIXELS:
        raise InputError(
            f"The plane has {rows} × {columns} pixels, too many for one go; "
            "choose a region, crop the image, or open it as a multi-scale image."
        )


def inference_mode() -> AbstractContextManager[Any]:
    """Switch off torch's bookkeeping for gradients in this thread, if torch is in use at all.

    Threads do not inherit it, and a segmenter that needs torch has imported it when it was made.
    """
    torch = sys.modules.get("torch")
    return nullcontext() if torch is None else torch.inference_mode()


def memory_sentence(settings: Settings) -> str:
    """Say that memory ran out and what to do."""
    if settings.grid is None:
        return (
            "There is not enough memory for this grid; set a smaller one under Advanced, or close "
            "other programs."
        )
    smaller = max(16, settings.grid // 2 // 8 * 8)
    if smaller < settings.grid:
        return (
            f"There is not enough memory for a grid of {settings.grid}; "
            f"set the grid to {smaller} under Advanced, or close other programs."
        )
    return "There is not enough memory for this plane; crop the image or close other programs."
