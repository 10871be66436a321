"""How numbers are written in reports."""

from __future__ import annotations

import math
from collections.abc import Mapping

NONE = "–"
"""Stands where nothing was measured."""

MINUS = "−"


def number(value: float | None, digits: int = 3) -> str:
    """Return a number with so many decimals, a dash where there is none."""
    if value is None or not math.isfinite(value):
        return NONE
    written = f"{abs(value):.{digits}f}"
    return MINUS + written if value < 0 and float(written) else written


def signed(value: float | None, digits: int = 3) -> str:
    """Return a difference, with its sign."""
    written = number(value, digits)
    return "+" + written if value is not None and value > 0 and written != NONE else written


def seconds(value: float | None) -> str:
    """Return seconds with two figures that count."""
    if value is None or not math.isfinite(value):
        return NONE
    return number(value, 3 if value < 0.1 else 2 if value < 10 else 0)


def interval(found: Mapping[str, float | None] | None, digits: int = 3) -> str:
    """Return a mean with the ends of its interval."""
    if found is None or found["mean"] is None:
        return NONE
    low, high = number(found["low"], digits), number(found["high"], digits)
    return f"{number(found['mean'], digits)} ({low} to {high})"


def mean(found: Mapping[str, float | None] | None, digits: int = 3) -> str:
    """Return a mean without its interval."""
    return NONE if found is None else number(found["mean"], digits)


def share(value: float | None) -> str:
    """Return a share in per cent."""
    return NONE if value is None else f"{100 * value:.0f} %"


def count(number_of: int, one: str, many: str | None = None) -> str:
    """Return a number with its word: "1 object", "2 objects"."""
    return f"{number_of} {one if number_of == 1 else many or one + 's'}"
