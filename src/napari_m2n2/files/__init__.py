"""Reading and writing images, labels and prompts (TIFF, PNG, JPEG, NIfTI, CSV, JSON).

A file is read one plane at a time, and written so that it is complete or not there at all.
"""

from __future__ import annotations

from napari_m2n2.files.atomic import check_writable, replacing
from napari_m2n2.files.images import (
    check_fits,
    check_output,
    check_readable,
    read_image,
    write_labels,
)
from napari_m2n2.files.planes import Plane
from napari_m2n2.files.prompts import PromptFile, PromptsOnPlane, read_prompts

__all__ = [
    "Plane",
    "PromptFile",
    "PromptsOnPlane",
    "check_fits",
    "check_output",
    "check_readable",
    "check_writable",
    "read_image",
    "read_prompts",
    "replacing",
    "write_labels",
]
