"""When walks reach the cells: the first crossing of τ, interpolated between two steps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.markov.product import Vectors

EPSILON = 1e-6
"""Keeps the interpolation finite where a probability stands still."""


class Crossings:
    """What some walks have reached so far (M2N2 Eq. 5 and 6).

    Parameters
    ----------
    starts : (B, N) float64 array
        Start states with largest entry 1.
    tau : float
        The share of the largest probability at which a cell counts as reached.
    max_steps : int
        The time of cells that are never reached.

    Attributes
    ----------
    times : (B, N) float64 array
        Times of crossing in steps.
    """

    def __init__(self, starts: Vectors, tau: float, max_steps: int) -> None:
        self._tau = tau
        self._before = starts.copy()
        self._open: NDArray[np.bool_] = starts <= tau
        self.times: Vectors = np.where(self._open, float(max_steps), 0.0)

    def note(self, walk: int, step: int, states: Vectors) -> bool:
        """Take the states of a walk after `step`, and say whether all cells are reached.

        Parameters
        ----------
        walk : int
        step : int
            Steps done before the first of the states.
        states : (T, N) float64 array
            After step + 1, step + 2, …; scaled in place.
        """
        states /= states.max(axis=1, keepdims=True)
        waiting = np.flatnonzero(self._open[walk])
        path = np.concatenate((self._before[walk][None, waiting], states[:, waiting]))
        self._before[walk] = states[-1]
        crossed = path[1:] > self._tau
        hit = crossed.any(axis=0)
        cells, first = waiting[hit], crossed[:, hit].argmax(axis=0)
        columns = np.flatnonzero(hit)
        after = path[first + 1, columns]
        rise = after - path[first, columns]
        # the published implementation grades the cells of the very first step
        rise[first + step == 0] = 1 - self._tau
        self.times[walk, cells] = step + first + 1 - (after - self._tau) / (rise + EPSILON)
        self._open[walk, cells] = False
        return len(cells) == len(waiting)
