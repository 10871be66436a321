"""How sure a mean over objects is: bootstrap intervals, and differences of two runs.

Percentile bootstrap (Efron and Tibshirani, "An introduction to the bootstrap", 1993, ch. 13): the
objects are drawn again, with replacement and as many as there are, and the interval holds the
middle of the means that come out. On GrabCut's 50 objects it is often wider than the difference
between two methods.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_m2n2.errors import InputError

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class Interval:
    """A mean and the ends of its interval; not a number where nothing was measured.

    Attributes
    ----------
    mean, low, high : float
    """

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Difference:
    """The mean difference of pairs, and the ends of its interval.

    Attributes
    ----------
    mean, low, high : float
        In the unit of the values; if the interval does not hold 0, the difference is hardly
        chance.
    n : int
        Number of pairs.
    """

    mean: float
    low: float
    high: float
    n: int


def bootstrap_interval(
    values: Sequence[float] | NDArray[np.float64],
    *,
    level: float = 0.95,
    rounds: int = 2000,
    seed: int = 0,
) -> Interval:
    """Return the mean of values and its bootstrap interval.

    Parameters
    ----------
    values : sequence of float
        One for each object; those that are not finite are left out.
    level : float
        Share of the means that the interval holds, in (0, 1).
    rounds : int
        How often the objects are drawn again.
    seed : int
        The same values with the same seed have the same interval.

    Returns
    -------
    Interval
        Not a number without values; of one value, three times the value.

    Raises
    ------
    InputError
        If level or rounds are out of range.
    """
    column = np.asarray(values, np.float64).reshape(-1, 1)
    return bootstrap_intervals(column, level=level, rounds=rounds, seed=seed)[0]


def bootstrap_intervals(
    columns: ArrayLike, *, level: float = 0.95, rounds: int = 2000, seed: int = 0
) -> list[Interval]:
    """Return the mean and the interval of each column, with the same objects drawn for all.

    Parameters
    ----------
    columns : (n, m) array-like
        m values of each of n objects.
    level, rounds, seed
        As for `bootstrap_interval`, and so are the errors.

    Returns
    -------
    list of Interval
        One for each of the m columns.
    """
    if not 0 < level < 1:
        raise InputError(f"The level is {level}; give a share between 0 and 1.")
    if rounds < 1:
        raise InputError(f"The number of rounds is {rounds}; give 1 or more.")
    values = np.asarray(columns, np.float64)
    if not len(values):
        return [Interval(math.nan, math.nan, math.nan)] * values.shape[1]
    known = np.isfinite(values)
    sums = np.concatenate([np.where(known, values, 0.0), known], axis=1)
    means = _quotients(sums.mean(axis=0)[None])[0]
    drawn = _quotients(_drawn_means(sums, rounds, seed))
    ends = np.array([(1 - level) / 2, (1 + level) / 2])
    intervals = []
    for mean, column in zip(means, drawn.T, strict=True):
        # few known values may be missed by a draw altogether
        column = column[np.isfinite(column)]
        low, high = np.quantile(column, ends) if column.size else (math.nan, math.nan)
        intervals.append(Interval(float(mean), float(low), float(high)))
    return intervals


def paired_difference(
    a: Mapping[Key, float],
    b: Mapping[Key, float],
    *,
    level: float = 0.95,
    rounds: int = 2000,
    seed: int = 0,
) -> Difference:
    """Return by how much a is larger than b, over the objects that both have.

    Parameters
    ----------
    a, b : mappings of an object to its value
        Pairs with a value that is not finite are left out.
    level, rounds, seed
        As for `bootstrap_interval`; here the pairs are drawn.

    Returns
    -------
    Difference
        Of a - b; it does not depend on the order of the objects.

    Raises
    ------
    InputError
        If there is no pair, or level or rounds are out of range.
    """
    pairs = sorted(a[key] - b[key] for key in a if key in b and math.isfinite(a[key] - b[key]))
    if not pairs:
        raise InputError("The two runs have no object in common; compare runs on one dataset.")
    found = bootstrap_interval(pairs, level=level, rounds=rounds, seed=seed)
    return Difference(found.mean, found.low, found.high, len(pairs))


def _drawn_means(values: NDArray[np.float64], rounds: int, seed: int) -> NDArray[np.float64]:
    """Return the mean of each column over objects drawn with replacement, (rounds, m)."""
    rng = np.random.default_rng(seed)
    count = len(values)
    means = np.empty((rounds, values.shape[1]))
    for mean in means:
        times = np.bincount(rng.integers(count, size=count), minlength=count)
        mean[:] = times.astype(np.float64) @ values / count
    return means


def _quotients(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the left half of columns divided by the right one, NaN for a division by 0."""
    above, below = np.split(sums, 2, axis=1)
    return np.divide(above, below, out=np.full_like(above, math.nan), where=below > 0)
