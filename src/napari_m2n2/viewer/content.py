"""Which pixels a layer holds, told apart without reading more than has to be read."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from napari.layers import Image
from napari.utils.events import Event
from numpy.typing import NDArray

from napari_m2n2.annotation.planes import Plane
from napari_m2n2.annotation.reading import read_region
from napari_m2n2.annotation.region import Region

COPIED_BYTES = 1 << 25
"""Up to here pixels in memory are copied and compared whenever there is a prompt."""


@dataclass(frozen=True, eq=False)
class Content:
    """Where to read planes from, and what names their pixels.

    Attributes
    ----------
    arrays : tuple of array-like
    planes : tuple of Plane
    region : Region
        The part to read of each of them.
    key : hashable
        The same key means the same pixels.
    """

    arrays: tuple[Any, ...]
    planes: tuple[Plane, ...]
    region: Region
    key: Hashable

    def reader(self) -> Callable[[], NDArray[Any]]:
        """Return what reads the first plane."""
        data, plane, region = self.arrays[0], self.planes[0], self.region
        return lambda: read_region(data, plane, region)


def content(planes: Sequence[tuple[Image, int, Plane]], region: Region) -> Content:
    """Return the content of a region of some planes of the same size.

    Parameters
    ----------
    planes : sequence of (layer, level, plane)
    region : Region

    Notes
    -----
    Pixels in memory are copied and named by their values, so that a change in place is seen and a
    worker reads what was there when it was asked. Where they are many, or have to be fetched, they
    are named by where they come from and read by the worker.
    """
    arrays = [layer.data[level] if layer.multiscale else layer.data for layer, level, _ in planes]
    where = [plane for _, _, plane in planes]
    if all(_in_memory(data) for data in arrays):
        whole = replace(region, factor=1)
        views = [read_region(*one, whole) for one in zip(arrays, where, strict=True)]
        if sum(view.nbytes for view in views) <= COPIED_BYTES:
            return _copied([np.array(view, order="C") for view in views], region)
    key = tuple((version_of(layer), level, plane) for layer, level, plane in planes)
    return Content(tuple(arrays), tuple(where), region, key)


def _in_memory(data: Any) -> bool:
    return isinstance(data, np.ndarray) and not isinstance(data, np.memmap)


def _copied(copies: list[NDArray[Any]], region: Region) -> Content:
    """Return copies of a region as content."""
    digest = hashlib.sha256()
    for copy in copies:
        digest.update(copy.reshape(-1).view(np.uint8))
    down, across = region.extent
    return Content(
        arrays=tuple(copies),
        planes=tuple(Plane((down, across), (0, 1)) for _ in copies),
        region=Region((0, down), (0, across), region.factor),
        key=(digest.digest(), tuple((copy.shape, copy.dtype.str) for copy in copies)),
    )


def version_of(layer: Image) -> Hashable:
    """Return what changes whenever a layer is given other data."""
    counter = _counters.get(layer)
    if counter is None:
        counter = _counters[layer] = _Counter(layer)
        layer.events.data.connect(counter.count)
    return layer.unique_id, counter.of(layer)


class _Counter:
    """Counts how often a layer was given other data.

    Whoever hears of other data before this does is told the new number already.
    """

    def __init__(self, layer: Image) -> None:
        self._number = 0
        self._data = layer.data
        self._ahead = False

    def of(self, layer: Image) -> int:
        """Return the number of the data that the layer has now."""
        if layer.data is not self._data:
            self._number += 1
            self._data, self._ahead = layer.data, True
        return self._number

    def count(self, event: Event) -> None:
        """Take note of data given to the layer, perhaps the same that has changed in place."""
        if not self._ahead:
            self._number += 1
        self._data, self._ahead = event.source.data, False


_counters: WeakKeyDictionary[Image, _Counter] = WeakKeyDictionary()
"""Shared by all objects of a layer, so that the next one finds its planes still encoded."""
