"""Rounds of balancing with a part of the matrix, and what it lacks made up for.

What a row or a column lacks is a share of it, which depends on the factors and changes as slowly
as they do. It is measured beside the whole matrix now and then, and taken for constant until the
next time; how much it has changed by then bounds the error. How fast it changes says when to
measure again, and whether rounds with the whole matrix are better for the time being.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.markov.product import Bands
from napari_m2n2.markov.strips import StripBands

_LACKING = 0.01
"""Most of a column that the part may lack."""

_DRIFT = 2e-5
"""Most that all rounds together may change a factor by, as a share of it; rounds with the whole
matrix in single precision did so by 1.5e-5 on a photograph. Errors of rounds add up at most."""

_BEGIN = 4
"""Rounds before the shares are measured first: factors change most in them."""

_SHORTEST = 6
"""Rounds from one time to the next from which on the part is worth it: measuring takes as long
as four rounds save."""

_CAREFUL = 0.7
"""Share of what is left to be changed that a plan uses up."""


class MissingTooMuch(Exception):
    """What a part lacks changes the factors too much."""


class InFew:
    """Half a round with a part of a matrix, and now and then beside the whole one.

    Parameters
    ----------
    few : StripBands
    bands : Bands
        The whole matrix.
    rounds : int
        How many there will be at most.
    """

    def __init__(self, few: StripBands, bands: Bands, rounds: int) -> None:
        self._few, self._bands = few, bands
        self._rounds = rounds
        self._done = self._checked = 0
        self._next = _BEGIN
        self._whole = True
        self._error = 0.0
        self._shares: tuple[NDArray[Any], NDArray[Any]] | None = None

    def __call__(self, columns: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return r = 1 / (K c) and Kᵀ r."""
        self._done += 1
        if self._done in (self._next, self._rounds):
            rows, sums = self._check(columns.astype(np.float64))
            return rows.astype(columns.dtype), sums.astype(columns.dtype)
        return self._bands.balance_rows(columns) if self._whole else self._made_up(columns)

    def _made_up(self, columns: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return both as the part has them, with what it lacks made up for."""
        if self._shares is None:
            return self._few.balance_rows(columns)
        of_rows, of_columns = self._shares
        rows, sums = self._few.balance_rows(columns, of_rows)
        sums *= of_columns
        return rows, sums

    def _check(self, columns: NDArray[np.float64]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return both as the whole matrix has them; measure what the part lacks."""
        rows, sums = self._bands.balance_rows(columns)
        few_rows, few_sums = self._made_up(columns)
        of_rows = rows / few_rows
        if self._shares is not None:
            drift = max(np.abs(1 - 1 / of_rows).max(), np.abs(few_sums / sums - 1).max())
            self._plan(float(drift))
            of_rows *= self._shares[0]
        else:
            self._next = 2 * self._done
        of_columns = sums / self._few.balance_rows(columns, of_rows)[1]
        if not (of_columns.max() <= 1 + _LACKING and self._error <= _DRIFT):
            raise MissingTooMuch
        self._shares, self._checked = (of_rows, of_columns), self._done
        return rows, sums

    def _plan(self, drift: float) -> None:
        """Say when to measure again, and which rounds to do until then.

        Shares change less and less, at most as 1 / k from round k on; then the fewest times to
        measure are √k rounds apart, times what uses up all that factors may change by.
        """
        if not drift < math.inf:
            raise MissingTooMuch
        done, passed = self._done, self._done - self._checked
        if not self._whole:
            self._error += drift / 2 * passed  # it has grown from 0 since the last time
        speed = drift / math.log(done / self._checked)
        ahead = math.sqrt(self._rounds / done) - 1
        longest = _CAREFUL * (_DRIFT - self._error) / max(speed * ahead, 1e-30)
        self._whole = longest < _SHORTEST
        self._next = done + (done if self._whole else min(done, int(longest)))
