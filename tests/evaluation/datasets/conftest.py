"""Small images and masks, written by real encoders, that tests lay out as datasets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import imageio.v3
import numpy as np
import pytest
from PIL import Image

SHAPE = (12, 16)


@pytest.fixture
def image() -> np.ndarray:
    """A colour image (12, 16, 3) in which every pixel differs from its neighbours."""
    rows, columns = np.indices(SHAPE)
    return np.stack([rows * 20, columns * 15, (rows + columns) * 9], axis=2).astype(np.uint8)


@pytest.fixture
def blob() -> np.ndarray:
    """A mask (12, 16) with one object that touches the border and is not symmetric."""
    mask = np.zeros(SHAPE, bool)
    mask[3:8, 9:] = True
    mask[3, 9] = False
    return mask


@pytest.fixture
def save() -> Callable[[Path, np.ndarray], Path]:
    """Write an array as PNG, JPEG, BMP or TIFF, in folders that are made."""

    def write(path: Path, array: np.ndarray) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".bmp":
            assert cv2.imwrite(str(path), array if array.ndim == 2 else array[..., ::-1])
        else:
            imageio.v3.imwrite(path, array)
        return path

    return write


@pytest.fixture
def save_palette() -> Callable[[Path, np.ndarray], Path]:
    """Write numbers below 4 as a PNG file whose palette shows them as grey 0, 64, 128, 192."""

    def write(path: Path, numbers: np.ndarray) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        picture = Image.fromarray(numbers.astype(np.uint8)).convert("P")
        picture.putdata(numbers.ravel().tolist())
        picture.putpalette([64 * k for k in range(4) for _ in range(3)])
        picture.save(path)
        return path

    return write
