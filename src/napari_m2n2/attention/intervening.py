"""What lies between two cells: the intervening contour of a straight line.

Two touching nuclei look alike, and so their cells do; the dark valley between them looks like
neither. A line from a cell to another that meets what looks like neither of them crosses a
contour (Leung and Malik, "Contour continuity in region based image segmentation", ECCV 1998; here
of colours in place of edges, so that a step between two unlike cells adds nothing).
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray


def intervening(colours: NDArray[np.float32], grid: tuple[int, int]) -> NDArray[np.float32]:
    """Return how unlike both ends the line between two cells becomes.

    Parameters
    ----------
    colours : (N, 3) float32 array
        CIELAB of each cell, row by row.
    grid : (int, int)
        Rows and columns of cells.

    Returns
    -------
    (N, N) float32 array
        The largest min(d(p, i), d(p, j)) of the cells p on the line between i and j, d the squared
        difference of colours; symmetric, ≥ 0, and 0 for cells beside each other.
    """
    light, green, blue = (np.ascontiguousarray(colours[:, k].reshape(grid)) for k in range(3))
    found = np.zeros((len(colours), len(colours)), np.float32)
    _along_lines(light, green, blue, found)
    return found


@numba.njit(cache=True, nogil=True)
def _along_lines(
    light: NDArray[np.float32],
    green: NDArray[np.float32],
    blue: NDArray[np.float32],
    found: NDArray[np.float32],
) -> None:  # pragma: no cover - compiled
    """Fill `found` (N, N) from L*, a* and b* (rows, columns) of all cells.

    All cells of a row go along lines of one direction together: what is read lies side by side.
    """
    rows, columns = light.shape
    unlike = np.empty(columns, np.float32)
    for down in range(rows):
        for across in range(-columns + 1 if down else 1, columns):
            count = max(down, abs(across))
            first, last = max(0, -across), min(columns, columns - across)
            most = unlike[: last - first]
            for row in range(rows - down):
                most[:] = 0
                l0, g0, b0 = light[row, first:last], green[row, first:last], blue[row, first:last]
                there, start, stop = row + down, first + across, last + across
                l1, g1, b1 = (
                    light[there, start:stop],
                    green[there, start:stop],
                    blue[there, start:stop],
                )
                for step in range(1, count):
                    below = row + (2 * down * step + count) // (2 * count)
                    aside = (2 * across * step + count) // (2 * count)
                    start, stop = first + aside, last + aside
                    lp, gp, bp = (
                        light[below, start:stop],
                        green[below, start:stop],
                        blue[below, start:stop],
                    )
                    for k in range(len(most)):
                        to = (lp[k] - l0[k]) ** 2 + (gp[k] - g0[k]) ** 2 + (bp[k] - b0[k]) ** 2
                        fro = (lp[k] - l1[k]) ** 2 + (gp[k] - g1[k]) ** 2 + (bp[k] - b1[k]) ** 2
                        nearer = to if to < fro else fro
                        most[k] = nearer if nearer > most[k] else most[k]
                for k in range(len(most)):
                    i = row * columns + first + k
                    j = there * columns + first + across + k
                    found[i, j] = found[j, i] = most[k]
