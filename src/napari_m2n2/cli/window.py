"""Draws the window of the demo; run as a process of its own by `napari_m2n2.cli.demo`."""

from __future__ import annotations

import sys
from pathlib import Path


def main(name: str, arrays: str, path: str) -> int:
    """Save a picture of napari showing a sample and its result.

    Parameters
    ----------
    name : str
        Name of the sample.
    arrays : str
        A .npz file with the arrays of the result.
    path : str
        The picture to write.
    """
    import numpy as np

    from napari_m2n2.segmenter import Result
    from napari_m2n2.viewer import app
    from napari_m2n2.viewer.samples import SAMPLES

    with np.load(arrays) as stored:
        result = Result(
            mask=stored["mask"],
            score=stored["score"],
            thresholds=stored["thresholds"],
            timings=dict(zip(stored["phases"].tolist(), stored["seconds"].tolist(), strict=True)),
        )
    app.save_window(SAMPLES[name], result, Path(path))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
