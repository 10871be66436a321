"""PNG and JPEG files in."""

from __future__ import annotations

import cv2
import imageio.v3
import numpy as np
from PIL import Image

from napari_m2n2.files import read_image


def test_png_of_all_kinds(tmp_path):
    path = tmp_path / "image.png"
    grey = np.arange(30, dtype=np.uint16).reshape(5, 6) * 2000
    imageio.v3.imwrite(path, grey)
    np.testing.assert_array_equal(read_image(path).data, grey)
    Image.fromarray(np.eye(5) > 0).save(path)
    assert read_image(path).data.dtype == bool
    Image.fromarray(np.full((5, 6, 2), (9, 255), np.uint8)).save(path)
    assert (read_image(path).data == np.full((5, 6), 9)).all()
    colours = np.arange(90, dtype=np.uint16).reshape(5, 6, 3) * 700
    cv2.imwrite(str(path), colours[..., ::-1])
    np.testing.assert_array_equal(read_image(path).data, colours)
    palette = Image.fromarray((np.arange(30) % 2).reshape(5, 6).astype(np.uint8)).convert("P")
    palette.putpalette([255, 0, 0, 0, 0, 255])
    palette.save(path)
    assert read_image(path).data[0, 1].tolist() == [0, 0, 255]


def test_jpeg(tmp_path):
    path = tmp_path / "IMAGE.JPG"
    imageio.v3.imwrite(path, np.full((16, 24, 3), 90, np.uint8), extension=".jpg")
    assert read_image(path).data.shape == (16, 24, 3)
    Image.new("CMYK", (24, 16)).save(path)
    assert read_image(path).data.shape == (16, 24, 3)
