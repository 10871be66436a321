"""What is asked for one plane, and the three ways it can end."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.annotation.prompts import PlanePrompts
from napari_m2n2.annotation.region import Region
from napari_m2n2.image import Contrast


@dataclass(frozen=True)
class Settings:
    """How to segment; the words of `napari_m2n2.segmenter.Segmenter`.

    Attributes
    ----------
    backbone, method, preset : str
        Their names.
    grid : int, optional
        Cells along each side of the plane; more cells see finer detail and need memory and time
        with their fourth power. None is the backbone's own for the device.
    device : str
        "auto", "cpu", "cuda", "mps".
    refine : str, optional
        What mends outlines after the method, see `napari_m2n2.segmentation.registry.REFINERS`.
    """

    backbone: str = "texture"
    method: str = "m2n2"
    preset: str = "default"
    grid: int | None = None
    device: str = "auto"
    refine: str | None = None


@dataclass(frozen=True, eq=False)
class Job:
    """Segment one plane from its prompts.

    Attributes
    ----------
    read : callable
        Gives the plane, or its region as `napari_m2n2.annotation.reading.read_region` does,
        (h, w) or (h, w, C); called in the worker, and only if it is not known by its key.
    key : hashable
        Names the pixels of the plane and their contrast: the same key means the same plane.
    prompts : PlanePrompts
        In pixels of the plane, whatever the region.
    contrast : (float, float) or "percentile", optional
        The values shown black and white, see `napari_m2n2.image.to_rgb`.
    settings : Settings
    region : Region, optional
        The part of the plane that is segmented; by default all of it as it is.
    map_of : int, optional
        Which of the prompts' points to give the distance map of.
    draft : bool
        Whether the outline need not be fitted to the image, which is faster.
    show_image : bool
        Whether to give the image as the model sees it.
    tag : object
        For whoever asks: handed back with the outcome, looked at by nobody else.
    """

    read: Callable[[], NDArray[Any]]
    key: Hashable
    prompts: PlanePrompts
    contrast: Contrast = None
    settings: Settings = field(default_factory=Settings)
    region: Region | None = None
    map_of: int | None = None
    draft: bool = False
    show_image: bool = False
    tag: Any = None

    @property
    def plane_key(self) -> Hashable:
        """Two jobs with the same one share all the work that precedes the prompts."""
        return self.key, self.region, self.contrast, self.settings


@dataclass(frozen=True, eq=False)
class Segmented:
    """The plane, or its region, was segmented.

    Arrays have a value for each pixel of the plane or of the region's rectangle, whatever the
    region was reduced by.

    Attributes
    ----------
    mask : (H, W) bool array
    score : (H, W) float32 array
        In [-1, 1]; 0 is the boundary.
    seconds : mapping
        Phase -> seconds; "total" is the time of the whole click.
    grid : (int, int)
        Cells down and across.
    device : str
        Where it ran.
    weights : str
        Which weights the backbone used; "" if it has none.
    thresholds : (n,) float64 array
        λ of each of the job's points; NaN for those that had no say.
    left_out : int
        How many prompts lie outside the region.
    bounded : bool
        Whether the last point could change but little: close to the outline, or outweighed by
        other points.
    distance : (H, W) float32 array, optional
        The distance map asked for, in [0, 1].
    image : (h, w, 3) float32 array, optional
        The image as the model saw it, with the region's reduction.
    """

    mask: NDArray[np.bool_]
    score: NDArray[np.float32]
    seconds: Mapping[str, float] = field(default_factory=dict)
    grid: tuple[int, int] = (0, 0)
    device: str = ""
    weights: str = ""
    thresholds: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    left_out: int = 0
    bounded: bool = False
    distance: NDArray[np.float32] | None = None
    image: NDArray[np.float32] | None = None

    @property
    def uncertainty(self) -> NDArray[np.float32]:
        """1 - abs(score), (H, W) in [0, 1]: 1 on the boundary."""
        return np.float32(1) - np.abs(self.score)


@dataclass(frozen=True)
class Failed:
    """It could not be done; `message` is one sentence for the user."""

    message: str


@dataclass(frozen=True)
class Stopped:
    """It was called off before it was done.

    Attributes
    ----------
    overtaken : bool
        Whether newer work took its place.
    """

    overtaken: bool = False


Outcome: TypeAlias = Segmented | Failed | Stopped
