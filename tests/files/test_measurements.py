"""Sizes, shapes and grey values."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.draw import disk

from napari_m2n2.errors import Cancelled, InputError
from napari_m2n2.files.coco import Named
from napari_m2n2.files.geometry import Geometry
from napari_m2n2.files.measurements import measure, write_measurements


def geometry(shape, axes=None, spacing=None, unit=""):
    axes = axes or "TZYX"[-len(shape) :]
    spacing = spacing or (1.0,) * len(shape)
    return Geometry(path=Path("a"), shape=shape, axes=axes, spacing=spacing, unit=unit)


def test_a_disc_in_micrometres():
    labels = np.zeros((80, 90), np.uint8)
    labels[disk((40, 50), 20)] = 3
    table = measure(labels, geometry(labels.shape, spacing=(0.5, 0.5), unit="micron"))
    (row,) = table.to_dict("records")
    assert (row["label"], row["unit"], row["pixels"]) == (3, "micron", np.count_nonzero(labels))
    assert row["area"] == row["pixels"] * 0.25
    assert row["area"] == pytest.approx(np.pi * 10**2, rel=0.02)
    assert row["equivalent_diameter"] == pytest.approx(20, rel=0.02)
    assert row["perimeter"] == pytest.approx(2 * np.pi * 10, rel=0.06)
    assert row["feret_diameter"] == pytest.approx(20, rel=0.05)
    assert (row["centroid_row"], row["centroid_column"]) == pytest.approx((40, 50))
    assert (row["first_row"], row["last_column"]) == (21, 69)
    assert row["solidity"] > 0.95


def test_pixels_that_are_no_squares():
    labels = np.zeros((30, 30), np.uint8)
    labels[10:20, 5:25] = 1  # 20 x 20 mm
    (row,) = measure(labels, geometry((30, 30), spacing=(2.0, 1.0), unit="mm")).to_dict("records")
    assert (row["area"], row["unit"]) == (400, "mm")
    assert row["eccentricity"] == pytest.approx(0, abs=0.1)
    assert np.isnan(row["perimeter"])
    assert (row["centroid_row"], row["centroid_column"]) == (14.5, 14.5)


VOLUME = np.zeros((2, 4, 10, 12), np.int32)
VOLUME[0, 1:3, 2:5, 3:9] = 5
VOLUME[1, 0, 7, 7] = 5
VOLUME[1, 3, 1:3, 1:3] = 8


def test_a_volume_at_each_time():
    table = measure(VOLUME, geometry(VOLUME.shape, spacing=(1.0, 3.0, 0.5, 0.5), unit="micron"))
    assert table["t"].tolist() == [0, 1, 1]
    assert table["label"].tolist() == [5, 5, 8]
    assert table["pixels"].tolist() == [36, 1, 4]
    np.testing.assert_allclose(table["volume"], np.multiply([36, 1, 4], 0.75))
    assert table["centroid_slice"].tolist() == [1.5, 0, 3]
    assert table["last_slice"].tolist() == [2, 0, 3]
    assert "z" not in table


def test_plane_by_plane():
    table = measure(VOLUME, geometry(VOLUME.shape), by="plane")
    places = table[["t", "z", "label", "pixels"]].to_numpy().tolist()
    assert places == [[0, 1, 5, 18], [0, 2, 5, 18], [1, 0, 5, 1], [1, 3, 8, 4]]


@pytest.mark.parametrize(
    ("axes", "columns"), [("TYX", ["t"]), ("QYX", []), ("QQYX", ["axis_0"]), ("ZTYX", ["z", "t"])]
)
def test_what_is_measured_over(axes, columns):
    labels = VOLUME[0] if len(axes) == 3 else VOLUME
    table = measure(labels, geometry(labels.shape, axes))
    between = [c for c in table.columns if c in ("t", "z") or c.startswith("axis_")]
    assert between == columns


def test_what_is_known_stands_before():
    names = {5: Named("left", "nucleus", "flagged")}
    table = measure(VOLUME[0], geometry(VOLUME[0].shape), names)
    assert table.columns[:4].tolist() == ["label", "name", "class", "state"]
    assert table.iloc[0, :4].tolist() == [5, "left", "nucleus", "flagged"]


@settings(max_examples=60, deadline=None)
@given(
    labels=arrays(np.uint8, st.tuples(*[st.integers(1, 5)] * 3), elements=st.integers(0, 3)),
    channels=st.integers(1, 3),
    seed=st.integers(0, 99),
)
def test_grey_values_are_those_of_numpy(labels, channels, seed):
    image = np.random.default_rng(seed).normal(1e4, 3, (*labels.shape, channels))
    image = image[..., 0] if channels == 1 else image
    for by in ("object", "plane"):
        table = measure(labels, geometry(labels.shape), by=by, pixels=lambda place: image[place])
        for row in table.to_dict("records"):
            mask = labels == row["label"]
            if by == "plane":
                mask &= np.arange(len(labels))[:, None, None] == row["z"]
            values = image[mask].reshape(mask.sum(), -1)
            assert row["pixels"] == mask.sum()
            for channel in range(channels):
                end = "" if channels == 1 else f"_{channel}"
                found = [row[name + end] for name in ("mean", "std", "min", "max")]
                own = values[:, channel]
                np.testing.assert_allclose(
                    found, [own.mean(), own.std(), own.min(), own.max()], rtol=1e-9, atol=1e-9
                )


@settings(max_examples=60, deadline=None)
@given(
    arrays(np.uint8, st.tuples(st.integers(1, 6), st.integers(1, 6)), elements=st.integers(0, 2))
)
def test_thin_and_tiny_objects_have_a_row_each(labels):
    table = measure(labels, geometry(labels.shape, spacing=(2.0, 2.0), unit="mm"))
    numbers = np.unique(labels[labels > 0])
    assert table["label"].tolist() == numbers.tolist()
    if len(numbers):
        np.testing.assert_array_equal(table["area"], 4 * np.bincount(labels.ravel())[numbers])


def test_nothing_is_a_table_without_rows(tmp_path):
    table = measure(np.zeros((3, 4), int), geometry((3, 4)))
    write_measurements(tmp_path / "a.csv", table)
    assert (tmp_path / "a.csv").read_text() == "label\n"


def test_as_csv(tmp_path):
    table = measure(VOLUME, geometry(VOLUME.shape), {5: Named('a, "b"', "ä")})
    write_measurements(tmp_path / "a.csv", table)
    back = pandas.read_csv(tmp_path / "a.csv", keep_default_na=False)
    assert back["name"].tolist() == ['a, "b"', 'a, "b"', ""]
    assert back["volume"].tolist() == table["volume"].tolist()


def test_it_can_be_stopped_and_images_have_to_fit():
    def stop(_phase, _fraction):
        raise Cancelled

    with pytest.raises(Cancelled):
        measure(VOLUME, geometry(VOLUME.shape), progress=stop)
    with pytest.raises(InputError, match="The image has 3 x 3 pixels but the labels have 10 x 12"):
        measure(VOLUME, geometry(VOLUME.shape), pixels=lambda _place: np.zeros((3, 3)))
