"""Rounds of balancing with a packed matrix, and what it lacks made up for.

What a row or a column lacks is a share of it, which depends on the factors and changes as slowly
as they do. It is measured beside the whole matrix after 4, 8, 16, … rounds and taken for constant
until the next time; how much it has changed by then bounds the error.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from napari_m2n2.markov.packed import PackedBands
from napari_m2n2.markov.product import Bands

_LACKING = 0.01
"""Most of a column that the copy may lack."""

_DRIFT = 2e-5
"""Most that all rounds together may change a factor by, as a share of it; rounds with the whole
matrix in single precision did so by 1.5e-5 on a photograph. Errors of rounds add up at most."""

_BEGIN = 4
"""Rounds before the first ones with the copy: factors change most in them."""


class MissingTooMuch(Exception):
    """What a packed matrix lacks changes the factors too much."""


class InFew:
    """Half a round with a packed matrix, and now and then beside the whole one.

    That is after 4, 8, 16, … rounds and in the last. What the packed matrix lacks of each row and
    column is measured there and made up for.

    Parameters
    ----------
    few : PackedBands
    bands : Bands
        The whole matrix.
    rounds : int
        How many there will be at most.
    """

    def __init__(self, few: PackedBands, bands: Bands, rounds: int) -> None:
        self._few, self._bands = few, bands
        self._rounds = rounds
        self._done = self._checked = 0
        self._error = 0.0
        self._shares: tuple[NDArray[Any], NDArray[Any]] | None = None

    def __call__(self, columns: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return r = 1 / (K c) and Kᵀ r."""
        self._done += 1
        done, factors = self._done, columns.numpy()
        if done < _BEGIN:
            found = self._bands.balance_rows(factors)
        elif done & (done - 1) == 0 or done == self._rounds:
            found = self._check(factors.astype(np.float64))
        else:
            found = self._made_up(factors)
        rows, sums = (one.astype(factors.dtype, copy=False) for one in found)
        return torch.from_numpy(rows), torch.from_numpy(sums)

    def _made_up(self, columns: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return both as the packed matrix has them, with what it lacks made up for."""
        of_rows, of_columns = self._shares or (None, 1.0)
        rows, sums = self._few.balance_rows(columns, of_rows)
        return rows, sums * of_columns

    def _check(self, columns: NDArray[np.float64]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return both as the whole matrix has them; measure what the packed one lacks."""
        rows, sums = self._bands.balance_rows(columns)
        few_rows, few_sums = self._made_up(columns)
        of_rows = rows / few_rows
        if self._shares is not None:
            drift = max(np.abs(1 - 1 / of_rows).max(), np.abs(few_sums / sums - 1).max())
            # it has grown from 0 since the last time
            self._error += float(drift) / 2 * (self._done - self._checked)
            of_rows *= self._shares[0]
        of_columns = sums / self._few.balance_rows(columns, of_rows)[1]
        if not (of_columns.max() <= 1 + _LACKING and self._error <= _DRIFT):
            raise MissingTooMuch
        self._shares, self._checked = (of_rows, of_columns), self._done
        return rows, sums
