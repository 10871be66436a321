from __future__ import annotations

import numpy as np

from napari_m2n2.segmentation.plane import colours_of


def test_colours_are_stretched_between_percentiles():
    ramp = np.linspace(0.2, 0.6, 200 * 300, dtype=np.float32).reshape(200, 300, 1)
    rgb = np.repeat(ramp, 3, axis=2)
    plain, wide = colours_of(rgb, stretched=False), colours_of(rgb, stretched=True)
    assert (plain.min(), plain.max()) == (51, 153)
    assert (wide.min(), wide.max()) == (0, 255)
    assert np.abs(np.diff(wide[..., 0].ravel().astype(int))).max() <= 1
    flat = np.full((20, 30, 3), 0.4, np.float32)
    assert (colours_of(flat, stretched=True) == 102).all()
