"""From an image to its regions, for whoever has no prompts to segment with besides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2 import devices
from napari_m2n2.attention.keeping import AttentionStore, open_store
from napari_m2n2.attention.options import NAMES, check_options
from napari_m2n2.attention.source import AttentionSource
from napari_m2n2.image import Contrast, to_rgb
from napari_m2n2.progress import Progress, ignore
from napari_m2n2.segmentation.parameters import resolve
from napari_m2n2.segmentation.regions import Regions, check_by, find_regions


class RegionFinder:
    """Parts one image after another into nested regions.

    Parameters
    ----------
    backbone : str
        A name (`napari_m2n2.attention.registry.names`).
    by : str
        A name in `napari_m2n2.segmentation.registry.REGIONS`.
    preset, device, store, **parameters
        See `napari_m2n2.segmenter.Segmenter`.

    Raises
    ------
    InputError
        If a name is unknown or a value out of range.
    """

    def __init__(
        self,
        backbone: str,
        by: str,
        *,
        preset: str = "default",
        device: str = "auto",
        store: AttentionStore | str | Path | bool | None = None,
        **parameters: Any,
    ) -> None:
        check_by(by)
        self._by = by
        where = devices.resolve(device)
        given = {name: parameters.pop(name) for name in NAMES if name in parameters}
        self._parameters = resolve("m2n2", preset, backbone, parameters, where)
        grid = self._parameters.grid
        self._source = AttentionSource(
            backbone, grid, where, check_options(given), open_store(store)
        )

    def find(
        self,
        image: Any,
        *,
        channel_axis: int | None = None,
        channels: int | Sequence[int] | None = None,
        contrast: Contrast = None,
        partial: Callable[[Regions], None] | None = None,
        progress: Progress = ignore,
    ) -> tuple[NDArray[np.float32], Regions]:
        """Return the image as it was seen, (H, W, 3) in [0, 1], and its regions.

        Parameters are those of `napari_m2n2.segmenter.Segmenter.set_image` and of
        `napari_m2n2.segmentation.regions.find_regions`, and so are the errors.
        """
        rgb = to_rgb(image, channel_axis=channel_axis, channels=channels, contrast=contrast)

        def work() -> Regions:
            attention = self._source.attend(rgb, progress)
            return find_regions(
                self._by, rgb, attention, self._parameters, partial=partial, progress=progress
            )

        return rgb, self._source.within_memory(work)
