"""Pseudo-labels for whoever trains a network: images, a mask for each object, and an index.

The index has the columns that `napari-m2n2 evaluate index` reads: dataset, domain, kind, object,
image and mask.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import imageio.v3
import numpy as np
from numpy.typing import NDArray

from napari_m2n2.atomic import replacing
from napari_m2n2.errors import FileError
from napari_m2n2.files.pictures import write_png

INDEX = "index.csv"
COLUMNS = ("dataset", "domain", "kind", "object", "image", "mask")


class PseudoLabels:
    """A folder that is filled image by image; its index is whole after each of them.

    Parameters
    ----------
    folder : Path
        It is made if it is not there; what is in it stays, but it must not have an index.

    Raises
    ------
    FileError
        If it cannot be made, or has an index.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._rows: list[tuple[str, ...]] = []
        self._stems: set[str] = set()
        if (folder / INDEX).exists():
            raise FileError(f"{folder} holds an {INDEX} already; choose another folder.")
        try:
            for name in ("images", "masks"):
                (folder / name).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FileError(
                f"The folder {folder} cannot be made ({error.strerror or error}); choose another."
            ) from error

    def add(self, stem: str, rgb: NDArray[np.float32], masks: Iterable[NDArray[np.bool_]]) -> None:
        """Write an image (H, W, 3) in [0, 1], and masks (H, W) of objects in it.

        Of images of one stem the later ones get a number.
        """
        name, number = stem, 2
        while name in self._stems:
            name, number = f"{stem}-{number}", number + 1
        self._stems.add(name)
        image = f"images/{name}.png"
        with replacing(self._folder / image) as temporary:
            pixels: NDArray[Any] = (rgb * np.float32(255) + np.float32(0.5)).astype(np.uint8)
            imageio.v3.imwrite(temporary, pixels)
        for place, mask in enumerate(masks, start=1):
            path = f"masks/{name}_{place}.png"
            with replacing(self._folder / path) as temporary:
                write_png(temporary, mask.astype(np.uint8))
            self._rows.append(("pseudo-labels", "", "object", str(place), image, path))
        with (
            replacing(self._folder / INDEX) as temporary,
            temporary.open("w", newline="", encoding="utf-8") as file,
        ):
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            writer.writerows(self._rows)
