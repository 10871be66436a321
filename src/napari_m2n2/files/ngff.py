"""The metadata of OME-Zarr (NGFF): axes, pixel sizes and labels, as plain dictionaries.

Versions 0.4 (zarr 2) and 0.5 (zarr 3) are written and read, 0.1 to 0.3 are read. The
specification: https://ngff.openmicroscopy.org/specifications/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from napari_m2n2.errors import InputError
from napari_m2n2.files.geometry import Geometry, scaled

VERSIONS = ("0.4", "0.5")
"""Those that can be written."""

_NAMES = {"T": ("t", "time"), "C": ("c", "channel"), "Z": ("z", "space")}
_NAMES |= {"Y": ("y", "space"), "X": ("x", "space")}
_RANKS = {"time": 0, "channel": 1, "other": 1, "space": 2}
_MOST_AXES = 5
_UNITS = {"micron": "micrometer", "mm": "millimeter"}
_MICROMETRES = {"micrometer": 1.0, "nanometer": 1e-3, "millimeter": 1e3, "centimeter": 1e4}
_MICROMETRES |= {"meter": 1e6, "angstrom": 1e-4, "picometer": 1e-6, "inch": 25400.0}
_MICROMETRES |= {"micron": 1.0, "µm": 1.0, "um": 1.0, "nm": 1e-3, "mm": 1e3}
_OLD_AXES = "TCZYX"


@dataclass(frozen=True)
class Level:
    """One level of a multi-scale image.

    Attributes
    ----------
    path : str
        Of its array in the group.
    scale, translation : tuple of float
        Size of a pixel and place of the first one's centre along each axis.
    """

    path: str
    scale: tuple[float, ...]
    translation: tuple[float, ...]


@dataclass(frozen=True)
class Multiscale:
    """What is said of a multi-scale image.

    Attributes
    ----------
    axes : str
        One letter for each axis: T, C, Z, Y, X, or Q for any other.
    unit : str
        Of the levels' scales in space: "mm", "micron", or "" where it is not known.
    levels : tuple of Level
        The finest one first.
    """

    axes: str
    unit: str
    levels: tuple[Level, ...]


# ------------------------------------------------------------------ reading
def fields(attributes: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return where the metadata lies in the attributes of a group: 0.5 has it under "ome"."""
    inner = attributes.get("ome")
    return inner if isinstance(inner, Mapping) else attributes


def read_multiscale(attributes: Mapping[str, Any]) -> Multiscale | None:
    """Return what a group's attributes say of its first image; None if it holds none.

    Parameters
    ----------
    attributes : mapping
        The JSON object of ``.zattrs``, or ``attributes`` of ``zarr.json``.

    Raises
    ------
    KeyError, TypeError, ValueError
        If they do not follow the specification.
    """
    listed = fields(attributes).get("multiscales")
    if not listed:
        return None
    image = listed[0]
    given = image.get("axes", list(_OLD_AXES.lower()))
    axes = [axis if isinstance(axis, Mapping) else {"name": axis} for axis in given]
    letters = _letters([str(axis["name"]) for axis in axes])
    factors, unit = _factors(letters, axes)
    whole = _transform(image, len(axes))
    levels = []
    for dataset in image["datasets"]:
        scale, translation = _transform(dataset, len(axes))
        places = zip(whole[0], translation, whole[1], factors, strict=True)
        levels.append(
            Level(
                path=str(dataset["path"]),
                scale=tuple(a * b * f for a, b, f in zip(whole[0], scale, factors, strict=True)),
                translation=tuple((a * moved + b) * f for a, moved, b, f in places),
            )
        )
    return Multiscale(letters, unit, tuple(levels))


def _letters(names: Sequence[str]) -> str:
    """Return a letter for each axis; an axis of another name, or of one given twice, is Q."""
    upper = [name.upper() if name.upper() in _NAMES else "Q" for name in names]
    return "".join(a if upper.count(a) == 1 else "Q" for a in upper)


def _factors(letters: str, axes: Sequence[Mapping[str, Any]]) -> tuple[list[float], str]:
    """Return what turns scales along each axis into one unit, and that unit."""
    in_space = [letter in "ZYX" for letter in letters]
    units = [str(axis.get("unit") or "") for axis in axes]
    known = {unit for unit, space in zip(units, in_space, strict=True) if space}
    if not known <= set(_MICROMETRES) or not known:
        return [1.0] * len(axes), ""
    if known == {"millimeter"}:
        return [1.0] * len(axes), "mm"
    pairs = zip(units, in_space, strict=True)
    return [_MICROMETRES[unit] if space else 1.0 for unit, space in pairs], "micron"


def _transform(
    entry: Mapping[str, Any], count: int
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return scale and translation; where the specification has none, ones and zeros."""
    scale, translation = (1.0,) * count, (0.0,) * count
    for step in entry.get("coordinateTransformations") or ():
        if step["type"] == "scale":
            scale = tuple(float(value) for value in step["scale"])
        elif step["type"] == "translation":
            translation = tuple(float(value) for value in step["translation"])
    if len(scale) != count or len(translation) != count:
        raise ValueError("a transformation has another number of axes than the image")
    return scale, translation


# ------------------------------------------------------------------ writing
@dataclass(frozen=True)
class Layout:
    """How labels are laid out along the axes of the specification: time, others, space.

    Attributes
    ----------
    order : tuple of int
        The axes of the labels in the order in which they are written.
    axes : tuple of dict
        What is said of each of them in that order.
    scale : tuple of float
        Size of a pixel along each of them.
    """

    order: tuple[int, ...]
    axes: tuple[dict[str, str], ...]
    scale: tuple[float, ...]

    @property
    def names(self) -> list[str]:
        """The names of the axes."""
        return [axis["name"] for axis in self.axes]


def layout(geometry: Geometry) -> Layout:
    """Find names and an order for the axes of labels that the specification allows.

    Parameters
    ----------
    geometry : Geometry

    Raises
    ------
    InputError
        If there are more axes than OME-Zarr has.
    """
    named = _named(geometry.axes)
    kinds = [kind for _, kind in named]
    if len(named) > _MOST_AXES or kinds.count("other") + kinds.count("channel") > 1:
        raise InputError(
            f"OME-Zarr holds time, one other axis and three of space but the labels have the axes "
            f"{geometry.axes}; write a NIfTI or TIFF file."
        )
    order = tuple(sorted(range(len(named)), key=lambda axis: _RANKS[kinds[axis]]))
    unit = geometry.unit or ""
    sizes = scaled(geometry, unit) if unit else geometry.spacing
    axes = []
    for axis in order:
        name, kind = named[axis]
        entry = {"name": name, "type": kind}
        if kind == "space" and unit:
            entry["unit"] = _UNITS[unit]
        axes.append(entry)
    return Layout(order, tuple(axes), tuple(sizes[axis] for axis in order))


def _named(axes: str) -> list[tuple[str, str]]:
    """Return name and type of each axis; those without a name are taken for slices, then time."""
    known = [letter in _NAMES and axes.count(letter) == 1 for letter in axes]
    free = [letter for letter in "ZTC" if letter not in axes][: known.count(False)]
    guesses = iter(sorted(free, key="TCZ".index))
    named = []
    for place, letter in enumerate(axes):
        found = letter if known[place] else next(guesses, "C")
        own = known[place] or found != "C"
        named.append(_NAMES[found] if own else (f"axis{place}", "other"))
    return named


def label_metadata(
    name: str,
    found: Layout,
    levels: Sequence[Level],
    *,
    version: str,
    properties: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Return the attributes of the group of a label image.

    Parameters
    ----------
    name : str
    found : Layout
    levels : sequence of Level
        The finest one first.
    version : str
        One of `VERSIONS`.
    properties : sequence of mapping
        What is known of single labels, each with its ``label-value``.
    """
    datasets = [
        {
            "path": level.path,
            "coordinateTransformations": [
                {"type": "scale", "scale": list(level.scale)},
                {"type": "translation", "translation": list(level.translation)},
            ],
        }
        for level in levels
    ]
    image: dict[str, Any] = {"name": name, "axes": list(found.axes), "datasets": datasets}
    image |= {"type": "nearest", "metadata": {"method": "every second pixel"}}
    label: dict[str, Any] = {"properties": [dict(entry) for entry in properties]}
    label = label if properties else {}
    if version == "0.5":
        return {"ome": {"version": version, "multiscales": [image], "image-label": label}}
    return {
        "multiscales": [{"version": version, **image}],
        "image-label": {"version": version, **label},
    }
