"""OME-Zarr images in the window."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
import zarr

from napari_m2n2.errors import FileError
from napari_m2n2.files import read_image, write_labels
from napari_m2n2.viewer.app import add_file

from .conftest import disc


def save(path, data, names, scale):
    """Write an image with two levels."""
    group = zarr.open_group(str(path), mode="w", zarr_format=2)
    kinds = {"t": "time", "c": "channel"}
    axes = [{"name": n, "type": kinds.get(n, "space")} for n in names]
    axes = [a | ({"unit": "micrometer"} if a["type"] == "space" else {}) for a in axes]
    datasets = []
    for level, part in enumerate((data, data[..., ::2, ::2])):
        group.create_array(str(level), shape=part.shape, dtype=part.dtype)[...] = part
        step = [*scale[:-2], scale[-2] * 2**level, scale[-1] * 2**level]
        transforms = [{"type": "scale", "scale": step}]
        datasets.append({"path": str(level), "coordinateTransformations": transforms})
    group.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": datasets}]
    return path


STACK = np.random.default_rng(0).integers(0, 200, (3, 40, 60)).astype(np.uint8)


def test_levels_sizes_and_units(model, tmp_path):
    path = save(tmp_path / "cells.ome.zarr", STACK, "zyx", [2.0, 0.5, 0.5])
    write_labels(path / "labels" / "old", STACK, read_image(path, index=0))
    add_file(model, path)
    (layer,) = model.layers
    assert (layer.name, layer.multiscale) == ("cells", True)
    assert [tuple(part.shape) for part in layer.data] == [(3, 40, 60), (3, 20, 30)]
    np.testing.assert_allclose(layer.scale, [2.0, 0.5, 0.5])
    assert [str(unit) for unit in layer.units] == ["micrometer"] * 3


def test_channels_are_layers(model, tmp_path):
    add_file(model, save(tmp_path / "a.zarr", STACK, "cyx", [1.0, 0.5, 0.5]))
    assert [layer.data[0].shape for layer in model.layers] == [(40, 60)] * 3


def test_a_plain_array(model, tmp_path):
    zarr.create_array(str(tmp_path / "a.zarr"), shape=(40, 60, 3), dtype="u1")[...] = 7
    add_file(model, tmp_path / "a.zarr")
    (layer,) = model.layers
    assert layer.rgb
    assert not layer.multiscale


def test_a_damaged_one_is_one_sentence(model, tmp_path):
    (tmp_path / "a.zarr").mkdir()
    (tmp_path / "a.zarr" / ".zgroup").write_text("{")
    with pytest.raises(FileError, match="is no zarr, or it is damaged"):
        add_file(model, tmp_path / "a.zarr")


def test_it_is_outlined_and_exported_where_it_lies(controller, model, tmp_path):
    from napari_m2n2.annotation.newest import run_now
    from napari_m2n2.viewer.exporting import Exporter

    path = save(tmp_path / "cells.ome.zarr", STACK, "zyx", [2.0, 0.5, 0.5])
    add_file(model, path)
    model.dims.set_point(0, 2.0)
    pair = controller.new_pair(model.layers[0])
    pair.prompts.add([1, 20, 30])
    exporter = Exporter(controller, run_now)
    exporter.write(tmp_path / "labels.tif")
    exporter.write(path / "labels" / "mine")
    labels = tifffile.imread(tmp_path / "labels.tif")
    np.testing.assert_array_equal(labels[1] > 0, disc((40, 60), (20, 30)))
    plane = read_image(path / "labels" / "mine", index=1)
    np.testing.assert_array_equal(plane.data, labels[1])
    assert (plane.spacing, plane.unit) == ((2.0, 0.5, 0.5), "micron")
    assert "is open in this window" in _said(exporter, path)


def _said(exporter, path):
    said = []
    exporter.said.connect(lambda text, _failed: said.append(text))
    exporter.write(path)
    return said[-1]
