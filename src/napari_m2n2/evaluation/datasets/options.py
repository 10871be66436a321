"""Checking the options of datasets, each complaint in one sentence."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from napari_m2n2.errors import InputError


def check_most(per_image: Any) -> int | None:
    """Return how many objects an image may give, None for all of them."""
    if per_image is None:
        return None
    if isinstance(per_image, bool) or not isinstance(per_image, int) or per_image < 1:
        raise InputError(f"per_image={per_image!r} is not possible; give a whole number from 1.")
    return per_image


def check_text(option: str, value: Any, choices: Collection[str] | None = None) -> str:
    """Return a text, which has to be one of `choices` where there are any."""
    if not isinstance(value, str) or (choices is not None and value not in choices):
        offered = f"one of {', '.join(map(repr, choices))}" if choices else "a text"
        raise InputError(f"{option}={value!r} is not possible; give {offered}.")
    return value


def check_names(option: str, values: str | Iterable[str] | None) -> tuple[str, ...] | None:
    """Return names; in a text they are parted by commas."""
    if values is None:
        return None
    parts = values.split(",") if isinstance(values, str) else values
    names = tuple(str(part).strip() for part in parts)
    if not names or not all(names):
        raise InputError(f"{option} holds an empty name; give names parted by commas.")
    return names


def check_numbers(option: str, values: int | str | Iterable[int] | None) -> tuple[int, ...] | None:
    """Return whole numbers from 1; in a text they are parted by commas."""
    if values is None:
        return None
    parts: Iterable[Any] = values.split(",") if isinstance(values, str) else [values]
    if not isinstance(values, int | str):
        parts = values
    try:
        numbers = tuple(int(part) for part in parts)
    except (TypeError, ValueError):
        numbers = ()
    if not numbers or min(numbers) < 1:
        raise InputError(f"{option}={values!r} is not possible; give whole numbers from 1.")
    return tuple(dict.fromkeys(numbers))


def check_ignore(value: Any) -> int | None:
    """Return the label that means unknown, None where there is none; a text is taken as well."""
    if value is None:
        return None
    try:
        number = int(value)
    except (TypeError, ValueError):
        number = 0
    if number < 1 or isinstance(value, float):
        raise InputError(f"ignore={value!r} is not possible; give a whole number from 1.")
    return number
