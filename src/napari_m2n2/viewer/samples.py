"""Sample images with prompts: from the files that scikit-image brings along, and a made stack."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.viewer import made_stack

LayerData: TypeAlias = tuple[Any, dict[str, Any], str]
"""What napari takes for a layer: data, its attributes, its kind."""


@dataclass(frozen=True, eq=False)
class Sample:
    """An image and prompts that outline an object in it.

    Attributes
    ----------
    name : str
        For the command line.
    title : str
        For people.
    loader : callable
        Gives the image; `load` is the same with a name.
    points : (n, 2) float64 array
        (row, column).
    labels : (n,) bool array
        True = foreground.
    slice : int, optional
        Of a stack: where along its first axis the points lie.
    scale : tuple of float
        How far apart its pixels are along each axis; empty for 1 everywhere.
    """

    name: str
    title: str
    loader: Callable[[], NDArray[Any]]
    points: NDArray[np.float64]
    labels: NDArray[np.bool_]
    slice: int | None = None
    scale: tuple[float, ...] = ()

    def load(self) -> NDArray[Any]:
        """Return the image, (H, W), (H, W, 3) or, for a stack, (slices, H, W), uint8."""
        return self.loader()

    def load_plane(self) -> NDArray[Any]:
        """Return the plane that the points lie on, (H, W) or (H, W, 3) uint8."""
        image = self.load()
        return image if self.slice is None else image[self.slice]

    @property
    def attributes(self) -> dict[str, Any]:
        """The attributes of its layer in napari."""
        return {"name": self.name} | ({"scale": self.scale} if self.scale else {})


def _load_tissue() -> NDArray[Any]:
    """Load a colon section, DAB and haematoxylin, 512 x 512."""
    from skimage import data

    return data.immunohistochemistry()


def _load_fundus() -> NDArray[Any]:
    """Load the part of a fundus photograph around the optic disc, 500 x 500."""
    from skimage import data

    return data.retina()[420:920, 20:520].copy()


def _load_cell() -> NDArray[Any]:
    """Load a cell in a quantitative phase image, 660 x 550."""
    from skimage import data

    return data.cell()


def _load_coins() -> NDArray[Any]:
    """Load coins on a shaded ground, 303 x 384."""
    from skimage import data

    return data.coins()


def _load_coffee() -> NDArray[Any]:
    """Load a cup on a table, 400 x 600."""
    from skimage import data

    return data.coffee()


def _sample(
    name: str,
    title: str,
    loader: Callable[[], NDArray[Any]],
    foreground: list[tuple[float, float]],
    background: list[tuple[float, float]],
    **stack: Any,
) -> Sample:
    """Make a sample from its points (row, column)."""
    points = np.array([*foreground, *background], dtype=np.float64)
    labels = np.arange(len(points)) < len(foreground)
    return Sample(name, title, loader, points, labels, **stack)


SAMPLES: dict[str, Sample] = {
    sample.name: sample
    for sample in (
        _sample(
            "tissue",
            "Gland in a colon section (immunohistochemistry)",
            _load_tissue,
            [(400.0, 315.0)],
            [(330.0, 220.0), (300.0, 400.0)],
        ),
        _sample(
            "fundus",
            "Pale part of the optic disc in a fundus photograph",
            _load_fundus,
            [(235.0, 225.0)],
            [(110.0, 110.0)],
        ),
        _sample(
            "cell",
            "Cell in a phase image",
            _load_cell,
            [(375.0, 425.0)],
            [(375.0, 345.0), (300.0, 200.0)],
        ),
        _sample("coins", "Coins", _load_coins, [(123.0, 270.0)], [(90.0, 270.0), (123.0, 235.0)]),
        _sample(
            "coffee",
            "Coffee in a cup",
            _load_coffee,
            [(160.0, 285.0)],
            [(114.0, 245.0)],
        ),
        _sample(
            "cells",
            "Cells in a stack of slices (computed)",
            made_stack.make_stack,
            [(52.0, 60.0)],
            [(52.0, 115.0)],
            slice=12,
            scale=made_stack.SCALE,
        ),
    )
}
"""By name; the first one is the demo's."""


def _layers(name: str) -> list[LayerData]:
    """Return a sample as napari takes it."""
    sample = SAMPLES[name]
    return [(sample.load(), sample.attributes, "image")]


def open_tissue() -> list[LayerData]:
    """Open the sample "tissue"; napari's menu calls it, as it does those below."""
    return _layers("tissue")


def open_fundus() -> list[LayerData]:
    """Open the sample "fundus"."""
    return _layers("fundus")


def open_cell() -> list[LayerData]:
    """Open the sample "cell"."""
    return _layers("cell")


def open_coins() -> list[LayerData]:
    """Open the sample "coins"."""
    return _layers("coins")


def open_coffee() -> list[LayerData]:
    """Open the sample "coffee"."""
    return _layers("coffee")


def open_cells() -> list[LayerData]:
    """Open the sample "cells"."""
    return _layers("cells")
