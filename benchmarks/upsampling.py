"""Fast against dense upsampling: error and ratio of times, on scikit-image's samples.

python benchmarks/upsampling.py
"""

from __future__ import annotations

import statistics
import time

import numpy as np
from scipy.ndimage import gaussian_filter
from skimage import data
from skimage.transform import resize

from napari_m2n2.markov.upsample import upsample


def seconds(maps: np.ndarray, guide: np.ndarray, method: str) -> float:
    """Return the median of five runs."""
    times = []
    for _ in range(5):
        began = time.perf_counter()
        upsample(maps, guide, method=method)
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def main() -> None:
    """Print a row for each image."""
    samples = {
        "coffee, 512 × 512, grid 64": (data.coffee(), (512, 512), 64),
        "cat, 854 × 480, grid 64": (data.cat(), (480, 854), 64),
        "coins, 512 × 512, grid 48": (data.coins(), (512, 512), 48),
    }
    print("| image | mean error | 99.9th percentile | largest | dense s | fast s | ratio |")
    print("|---|---|---|---|---|---|---|")
    for name, (image, shape, grid) in samples.items():
        guide = resize(image, shape).astype(np.float32)
        if guide.ndim == 2:
            guide = np.repeat(guide[..., None], 3, axis=2)
        noise = np.random.default_rng(0).random((1, grid, grid))
        maps = gaussian_filter(noise, (0, 2, 2)).astype(np.float32)
        maps = (maps - maps.min()) / np.ptp(maps)
        dense, fast = upsample(maps, guide), upsample(maps, guide, method="fast")
        error = np.abs(fast - dense) / dense.max()
        slow, quick = seconds(maps, guide, "dense"), seconds(maps, guide, "fast")
        print(
            f"| {name} | {error.mean():.1e} | {np.quantile(error, 0.999):.4f} | "
            f"{error.max():.3f} | {slow:.3f} | {quick:.3f} | {slow / quick:.1f} × |"
        )


if __name__ == "__main__":
    main()
