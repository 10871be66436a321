"""OME-Zarr images as layers: all levels, read piece by piece, with sizes and channels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from napari.components import ViewerModel

from napari_m2n2.viewer.kept import FILE

_UNITS = {"micron": "micrometer", "mm": "millimeter"}


def add_zarr(viewer: ViewerModel, path: Path) -> None:
    """Add an image; napari by itself reads neither its pixel sizes nor one that holds labels.

    Parameters
    ----------
    viewer : napari viewer
    path : Path
        See `napari_m2n2.files.ome_zarr.open_zarr`. Channels become layers of their own.

    Raises
    ------
    FileError
        If it cannot be read.
    """
    from napari_m2n2.files.ome_zarr import open_levels, open_zarr

    source, levels = open_zarr(path), open_levels(path)
    colours = source.axes.endswith("S")
    kept = [axis for axis in range(len(source.shape)) if axis != source.channel_axis]
    attributes: dict[str, Any] = {
        "name": path.name.removesuffix(".zarr").removesuffix(".ome"),
        "metadata": {FILE: str(path)},
        "scale": [source.spacing[axis] for axis in kept],
        "translate": source.template.translation,
        "rgb": colours,
        "multiscale": len(levels) > 1,
    }
    if source.unit:
        in_space = [source.axes[axis] in "ZYX" for axis in kept]
        attributes["units"] = [_UNITS[source.unit] if there else "pixel" for there in in_space]
    if source.channel_axis is not None and not colours:
        attributes["channel_axis"] = source.channel_axis
    viewer.add_image(levels if len(levels) > 1 else levels[0], **attributes)
