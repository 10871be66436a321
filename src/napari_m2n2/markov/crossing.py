"""When walks reach the cells: the first crossing of τ, interpolated between two steps."""

from __future__ import annotations

import numba
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
        waiting = np.flatnonzero(self._open[walk])
        left = _note(
            states,
            waiting,
            self._before[walk],
            self._tau,
            step,
            self.times[walk],
            self._open[walk],
        )
        self._before[walk] = states[-1]
        return left == 0


@numba.njit(cache=True, nogil=True, fastmath={"nnan", "nsz"})
def _note(
    states: Vectors,
    waiting: NDArray[np.intp],
    before: Vectors,
    tau: float,
    step: int,
    times: Vectors,
    still: NDArray[np.bool_],
) -> int:  # pragma: no cover - compiled
    """Write when the waiting cells are reached, and the last state; return how many still wait."""
    left = len(waiting)
    for number in range(len(states)):
        state = states[number]
        peak = state[0]
        for x in range(len(state)):
            peak = max(peak, state[x])
        for x in range(len(state)):
            state[x] /= peak
        kept = 0
        for k in range(left):
            cell = waiting[k]
            if state[cell] > tau:
                # the published implementation grades the cells of the very first step
                rise = 1 - tau if number + step == 0 else state[cell] - before[cell]
                times[cell] = step + number + 1 - (state[cell] - tau) / (rise + EPSILON)
                still[cell] = False
            else:
                waiting[kept] = cell
                kept += 1
        left = kept
        before = state
    return left
