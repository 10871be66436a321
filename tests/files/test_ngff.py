"""The metadata of OME-Zarr, as its specification has it."""

from __future__ import annotations

from pathlib import Path

import pytest

from napari_m2n2.errors import InputError
from napari_m2n2.files.geometry import Geometry
from napari_m2n2.files.ngff import (
    Level,
    Multiscale,
    label_metadata,
    layout,
    read_multiscale,
)


def geometry(axes, unit="micron"):
    count = len(axes)
    spacing = tuple(float(n) for n in range(1, count + 1))
    return Geometry(path=Path("a"), shape=(2,) * count, axes=axes, spacing=spacing, unit=unit)


def image(**changes):
    entry = {
        "version": "0.4",
        "axes": [
            {"name": "z", "type": "space", "unit": "nanometer"},
            {"name": "y", "type": "space", "unit": "micrometer"},
            {"name": "x", "type": "space", "unit": "micrometer"},
        ],
        "datasets": [
            {"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [500, 1, 2]}]},
            {
                "path": "1",
                "coordinateTransformations": [
                    {"type": "scale", "scale": [500, 2, 4]},
                    {"type": "translation", "translation": [0, 0.5, 1]},
                ],
            },
        ],
    }
    return {"multiscales": [{**entry, **changes}]}


# ------------------------------------------------------------------ reading
LEVELS = (
    Level("0", (0.5, 1, 2), (0, 0, 0)),
    Level("1", (0.5, 2, 4), (0, 0.5, 1)),
)


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_scales_are_in_one_unit(version):
    content = image() if version == "0.4" else {"ome": {"version": "0.5", **image()}}
    assert read_multiscale(content) == Multiscale("ZYX", "micron", LEVELS)


def test_millimetres_stay():
    axes = [{"name": n, "type": "space", "unit": "millimeter"} for n in "zyx"]
    found = read_multiscale(image(axes=axes))
    assert (found.unit, found.levels[0].scale) == ("mm", (500, 1, 2))


@pytest.mark.parametrize("unit", ["parsec", None])
def test_lengths_in_no_known_unit_are_relative(unit):
    axes = [{"name": n, "type": "space"} | ({"unit": unit} if unit else {}) for n in "zyx"]
    found = read_multiscale(image(axes=axes))
    assert (found.unit, found.levels[0].scale) == ("", (500, 1, 2))


def test_what_is_said_of_all_levels_comes_last():
    whole = [
        {"type": "scale", "scale": [1, 3, 3]},
        {"type": "translation", "translation": [0, 0, 7]},
    ]
    found = read_multiscale(image(coordinateTransformations=whole))
    assert found.levels[1] == Level("1", (0.5, 6, 12), (0, 1.5, 10))


def test_older_versions():
    datasets = [{"path": "0"}, {"path": "1"}]
    old = {"multiscales": [{"version": "0.1", "datasets": datasets}]}
    assert read_multiscale(old).axes == "TCZYX"
    assert read_multiscale(image(axes=["z", "y", "x"], version="0.3")).axes == "ZYX"


def test_axes_of_other_names_are_unknown():
    axes = [{"name": n} for n in ("angle", "y", "x")]
    assert read_multiscale(image(axes=axes)).axes == "QYX"


def test_a_group_of_something_else_is_no_image():
    assert read_multiscale({"plate": {}}) is None
    assert read_multiscale({"ome": {"version": "0.5", "labels": ["a"]}}) is None


@pytest.mark.parametrize(
    "content",
    [
        image(
            datasets=[
                {"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [1]}]}
            ]
        ),
        image(axes=[{"type": "space"}] * 3),
        image(datasets=3),
    ],
)
def test_what_does_not_follow_the_specification_raises(content):
    with pytest.raises((KeyError, TypeError, ValueError)):
        read_multiscale(content)


# ------------------------------------------------------------------ writing
@pytest.mark.parametrize(
    ("axes", "names", "kinds", "order"),
    [
        ("YX", "yx", ["space"] * 2, (0, 1)),
        ("ZYX", "zyx", ["space"] * 3, (0, 1, 2)),
        ("QYX", "zyx", ["space"] * 3, (0, 1, 2)),
        ("TYX", "tyx", ["time", "space", "space"], (0, 1, 2)),
        ("QQYX", "tzyx", ["time", *["space"] * 3], (0, 1, 2, 3)),
        ("ZTYX", "tzyx", ["time", *["space"] * 3], (1, 0, 2, 3)),
        ("CYX", "cyx", ["channel", "space", "space"], (0, 1, 2)),
        ("QZYX", "tzyx", ["time", *["space"] * 3], (0, 1, 2, 3)),
    ],
)
def test_axes_in_the_order_that_is_asked_for(axes, names, kinds, order):
    found = layout(geometry(axes))
    assert "".join(found.names) == names
    assert [axis["type"] for axis in found.axes] == kinds
    assert found.order == order
    assert found.scale == tuple(place + 1.0 for place in order)
    assert {axis.get("unit") for axis in found.axes if axis["type"] == "space"} == {"micrometer"}


def test_one_axis_of_no_kind_may_be_there():
    found = layout(geometry("QQQYX"))
    assert [axis["type"] for axis in found.axes] == ["time", "other", *["space"] * 3]
    assert len(set(found.names)) == 5
    with pytest.raises(InputError, match="QQQQYX; write a NIfTI or TIFF file"):
        layout(geometry("QQQQYX"))


LEVEL = Level("0", (2.0, 3.0), (0.0, 1.0))
DATASET = {
    "path": "0",
    "coordinateTransformations": [
        {"type": "scale", "scale": [2.0, 3.0]},
        {"type": "translation", "translation": [0.0, 1.0]},
    ],
}
AXES = [{"name": n, "type": "space", "unit": "millimeter"} for n in "yx"]
PROPERTIES = [{"label-value": 1, "name": "nucleus"}]


def test_version_0_4():
    found = label_metadata(
        "a", layout(geometry("YX", "mm")), [LEVEL], version="0.4", properties=PROPERTIES
    )
    assert set(found) == {"multiscales", "image-label"}
    (entry,) = found["multiscales"]
    assert (entry["version"], entry["name"]) == ("0.4", "a")
    assert entry["axes"] == AXES
    assert entry["datasets"] == [DATASET]
    assert found["image-label"] == {"version": "0.4", "properties": PROPERTIES}


def test_version_0_5():
    found = label_metadata("a", layout(geometry("YX", "mm")), [LEVEL], version="0.5")
    assert set(found) == {"ome"}
    assert found["ome"]["version"] == "0.5"
    (entry,) = found["ome"]["multiscales"]
    assert "version" not in entry
    assert entry["datasets"] == [DATASET]
    assert found["ome"]["image-label"] == {}
