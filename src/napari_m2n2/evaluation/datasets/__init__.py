"""Readers of datasets: images, and which objects in them are to be clicked.

Nothing is downloaded: each dataset is read from where the user has it.
"""

from __future__ import annotations

from napari_m2n2.evaluation.datasets.base import (
    Case,
    Dataset,
    Description,
    Loaded,
    Target,
)
from napari_m2n2.evaluation.datasets.registry import describe, names, open_dataset

__all__ = [
    "Case",
    "Dataset",
    "Description",
    "Loaded",
    "Target",
    "describe",
    "names",
    "open_dataset",
]
