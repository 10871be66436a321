"""Reading and writing images, labels and prompts (TIFF, PNG, JPEG, NIfTI, OME-Zarr, CSV, JSON).

A file is read one plane at a time, and written so that it is complete or not there at all.
"""

from __future__ import annotations

from napari_m2n2.atomic import check_writable, replacing
from napari_m2n2.files.geometry import Geometry
from napari_m2n2.files.images import (
    check_channels,
    check_fits,
    check_output,
    check_readable,
    open_source,
    read_geometry,
    read_image,
    write_labels,
)
from napari_m2n2.files.planes import Plane
from napari_m2n2.files.prompts import PromptFile, PromptsOnPlane, read_prompts
from napari_m2n2.files.whole import pixel_reader, read_label_image

__all__ = [
    "Geometry",
    "Plane",
    "PromptFile",
    "PromptsOnPlane",
    "check_channels",
    "check_fits",
    "check_output",
    "check_readable",
    "check_writable",
    "open_source",
    "pixel_reader",
    "read_geometry",
    "read_image",
    "read_label_image",
    "read_prompts",
    "replacing",
    "write_labels",
]
