"""What is asked for one plane, and the three ways it can end."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray


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
    """

    backbone: str = "texture"
    method: str = "m2n2"
    preset: str = "default"
    grid: int | None = None
    device: str = "auto"


@dataclass(frozen=True, eq=False)
class Job:
    """Segment one plane from its prompts.

    Attributes
    ----------
    read : callable
        Gives the plane, (H, W) or (H, W, C); called in the worker, and only if the plane is not
        known by its key.
    key : hashable
        Names the pixels of the plane and their contrast: the same key means the same plane.
    points : (n, 2) float64 array
        (row, column) in pixels, all of them inside the plane.
    labels : (n,) bool array
        True = foreground.
    contrast : (float, float), optional
        The values shown black and white.
    settings : Settings
    tag : object
        For whoever asks: handed back with the outcome, looked at by nobody else.
    """

    read: Callable[[], NDArray[Any]]
    key: Hashable
    points: NDArray[np.float64]
    labels: NDArray[np.bool_]
    contrast: tuple[float, float] | None = None
    settings: Settings = field(default_factory=Settings)
    tag: Any = None

    @property
    def plane_key(self) -> Hashable:
        """Two jobs with the same one share all the work that precedes the prompts."""
        return self.key, self.contrast, self.settings


@dataclass(frozen=True, eq=False)
class Segmented:
    """The plane was segmented.

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
    """

    mask: NDArray[np.bool_]
    score: NDArray[np.float32]
    seconds: Mapping[str, float] = field(default_factory=dict)
    grid: tuple[int, int] = (0, 0)
    device: str = ""
    weights: str = ""


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
