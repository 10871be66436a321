"""Frozen dataclasses to what JSON can hold, and back with every value checked.

The type hints are the schema: what they do not allow is refused, with the place where it stands.
Fields that are empty, as they are by default, are left out; all others are written, so that what
a file says does not hang on defaults that may change.
"""

from __future__ import annotations

import base64
import binascii
import math
import zlib
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np

from napari_m2n2.annotation.planes import Plane

T = TypeVar("T")

_MOST_BYTES = 1 << 28
"""Bits of a mask that unpack to more are refused: they would fill the memory."""

_MOST_NUMBERS = 1 << 26
"""A set of more whole numbers is refused for the same reason."""

_NO_NUMBERS = ("nan", "inf", "-inf")
"""JSON has no such numbers, yet an image may have contrast limits of this kind."""


class Misfit(Exception):
    """A value that cannot be; `str` says where it stands and what is wrong."""


def to_plain(value: Any) -> Any:
    """Return a value as dicts, lists, texts, numbers, bools and None.

    Bytes become text, compressed; a mapping of planes becomes a list of its values, each with
    its plane; a set of whole numbers becomes a list of runs, each with its first and last one.
    """
    if is_dataclass(value) and not isinstance(value, type):
        pairs = ((known, getattr(value, known.name)) for known in fields(value))
        return {known.name: to_plain(v) for known, v in pairs if not _is_left_out(known, v)}
    if isinstance(value, bytes):
        return base64.b64encode(zlib.compress(value, 6)).decode("ascii")
    if isinstance(value, Mapping):
        if any(isinstance(key, Plane) for key in value):
            return [{"plane": to_plain(key), **to_plain(v)} for key, v in value.items()]
        return {str(key): to_plain(v) for key, v in value.items()}
    if isinstance(value, frozenset):
        return _runs(value)
    if isinstance(value, list | tuple):
        return [to_plain(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def _runs(numbers: frozenset[int]) -> list[list[int]]:
    """Return the first and last of the numbers that follow each other without a gap."""
    found: list[list[int]] = []
    for number in sorted(int(number) for number in numbers):
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return found


def from_plain(kind: type[T], value: Any, where: str = "") -> T:
    """Return an object of a type from what `to_plain` made of it.

    Raises
    ------
    Misfit
        If a value is missing, unknown, of another type, or no number.
    """
    made: T = _read(kind, value, where)
    return made


def _is_left_out(known: Field[Any], value: Any) -> bool:
    """Tell whether a field holds nothing, and would if nothing was said."""
    empty = isinstance(value, str | tuple | Mapping | frozenset) and not value
    return (value is None or empty) and bool(value == _default(known))


def _default(known: Field[Any]) -> Any:
    """Return what a field has if nothing else is said; MISSING if something must be."""
    if known.default_factory is not MISSING:
        return known.default_factory()
    return known.default


@cache
def _hints(kind: type[Any]) -> dict[str, Any]:
    return get_type_hints(kind)


def _read(kind: Any, value: Any, where: str) -> Any:
    """Return a value of any type that may be hinted at."""
    origin = get_origin(kind)
    if kind is Any:
        return _read_any(value, where)
    if origin in (Union, UnionType):
        return _read_union(get_args(kind), value, where)
    if origin is Literal:
        if value not in get_args(kind) or isinstance(value, bool):
            raise Misfit(f"{where} cannot be {value!r:.40}")
        return value
    if origin is tuple:
        return _read_tuple(get_args(kind), value, where)
    if origin is frozenset:
        return _read_runs(value, where)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return _read_mapping(get_args(kind), value, where)
    if kind is bytes:
        return _read_bytes(value, where)
    if is_dataclass(kind):
        return _read_dataclass(kind, value, where)
    return _read_simple(kind, value, where)


def _read_simple(kind: Any, value: Any, where: str) -> Any:
    """Return a text, number, bool or None."""
    if kind is float and isinstance(value, str) and value in _NO_NUMBERS:
        return float(value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise Misfit(f"{where} cannot be {value!r:.40}")
    if isinstance(value, float) and not math.isfinite(value):
        raise Misfit(f"{where} is no number")
    return value


def _read_any(value: Any, where: str) -> Any:
    """Return plain data of any form; lists become tuples."""
    if isinstance(value, list):
        return tuple(_read_any(v, where) for v in value)
    if isinstance(value, dict):
        return {key: _read_any(v, where) for key, v in value.items()}
    return _read_simple(type(value), value, where)


def _read_union(kinds: tuple[Any, ...], value: Any, where: str) -> Any:
    """Return a value of the first type that fits."""
    if value is None and NoneType in kinds:
        return None
    rest = [kind for kind in kinds if kind is not NoneType]
    for kind in rest[:-1]:
        try:
            return _read(kind, value, where)
        except Misfit:
            continue
    return _read(rest[-1], value, where)


def _read_tuple(kinds: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    """Return a tuple of a fixed or any length."""
    if not isinstance(value, list):
        raise Misfit(f"{where} is no list")
    if len(kinds) == 2 and kinds[1] is ...:
        return tuple(_read(kinds[0], v, f"{where}[{i}]") for i, v in enumerate(value))
    if len(kinds) != len(value):
        raise Misfit(f"{where} has {len(value)} values instead of {len(kinds)}")
    return tuple(_read(kind, v, where) for kind, v in zip(kinds, value, strict=True))


def _read_runs(value: Any, where: str) -> frozenset[int]:
    """Return the whole numbers of runs."""
    runs = _read_tuple((tuple[int, int], ...), value, where)
    if sum(max(last - first, 0) + 1 for first, last in runs) > _MOST_NUMBERS:
        raise Misfit(f"{where} has too many numbers")
    return frozenset(n for first, last in runs for n in range(first, last + 1))


def _read_mapping(kinds: tuple[Any, ...], value: Any, where: str) -> dict[Any, Any]:
    """Return a mapping of texts or of planes."""
    key_kind, kind = kinds
    if key_kind is not Plane:
        if not isinstance(value, dict):
            raise Misfit(f"{where} is no table of names")
        return {key: _read(kind, v, f"{where}.{key}") for key, v in value.items()}
    if not isinstance(value, list) or not all(isinstance(v, dict) for v in value):
        raise Misfit(f"{where} is no list of planes")
    found = {}
    for number, entry in enumerate(value):
        here = f"{where}[{number}]"
        if "plane" not in entry:
            raise Misfit(f"{here}.plane is missing")
        rest = {key: v for key, v in entry.items() if key != "plane"}
        found[_read(Plane, entry["plane"], f"{here}.plane")] = _read(kind, rest, here)
    if len(found) < len(value):
        raise Misfit(f"{where} has a plane twice")
    return found


def _read_bytes(value: Any, where: str) -> bytes:
    """Return compressed bytes."""
    try:
        engine = zlib.decompressobj()
        data = engine.decompress(base64.b64decode(value, validate=True), _MOST_BYTES)
    except (TypeError, ValueError, binascii.Error, zlib.error):
        raise Misfit(f"{where} is damaged") from None
    if not engine.eof:
        raise Misfit(f"{where} is damaged")
    return data


def _read_dataclass(kind: Any, value: Any, where: str) -> Any:
    """Return a dataclass from its fields."""
    if not isinstance(value, dict):
        raise Misfit(f"{where or 'it'} is no table of names")
    hints = _hints(kind)
    known = {field.name: field for field in fields(kind)}
    found = {}
    for name, entry in value.items():
        here = f"{where}.{name}" if where else name
        if name not in known:
            raise Misfit(f"{here} is unknown")
        found[name] = _read(hints[name], entry, here)
    for name, field in known.items():
        if name not in found and _default(field) is MISSING:
            raise Misfit(f"{where}.{name} is missing" if where else f"{name} is missing")
    try:
        return kind(**found)
    except ValueError as error:
        raise Misfit(f"{where}: {error}") from error
