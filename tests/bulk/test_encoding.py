from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import pytest
import tifffile
from bulk_work import ENGINE, bright

from napari_m2n2 import Segmenter
from napari_m2n2.bulk.encoding import EncodeFailure, encode
from napari_m2n2.bulk.engine import open_kept
from napari_m2n2.bulk.reading import Look
from napari_m2n2.errors import Cancelled, FileError, InputError
from napari_m2n2.files.stacks import image_files


@pytest.fixture
def store(tmp_path, monkeypatch):
    open_kept.cache_clear()
    monkeypatch.setattr("napari_m2n2.bulk.encoding._segmenters", {})
    return tmp_path / "store"


@pytest.fixture
def engine(store):
    return replace(ENGINE, store=str(store))


def entries(store):
    return {path.name: path.read_bytes() for path in store.rglob("*.safetensors")}


def test_all_planes_are_encoded_once(folder, engine, store, in_process):
    paths = image_files([folder])
    found = encode(paths, engine, Look())
    # plane.tif has the pixels of a plane of stack.tif
    assert (found.planes, found.new, found.known, found.failures) == (5, 4, 1, ())
    there = entries(store)
    found = encode(paths, engine, Look())
    assert (found.new, found.known) == (0, 5)
    assert entries(store) == there


def test_a_click_finds_what_was_encoded(folder, engine, store, in_process):
    encode([folder / "stack.tif"], engine, Look())
    segmenter = Segmenter(grid=ENGINE.grid, device="cpu", store=store, **ENGINE.options)
    for plane in bright(4):
        assert segmenter.is_encoded(plane)
    assert not segmenter.is_encoded(bright(4)[0] + 1)


def test_what_is_missing_is_encoded_again(folder, engine, store, in_process):
    # it has the pixels of the first plane of the stack
    encode([folder / "plane.tif"], engine, Look())
    first = entries(store)
    encode([folder / "stack.tif"], engine, Look())
    before = entries(store)
    for name in first:
        next(store.rglob(name)).unlink()
    found = encode([folder / "stack.tif"], engine, Look())
    assert (found.new, found.known) == (1, 3)
    assert entries(store) == before


def test_axes_channels_and_contrast(folder, engine, store, in_process):
    data = np.stack([np.zeros((3, 40, 48), np.uint8), bright(3)], axis=1)
    tifffile.imwrite(folder / "c.tif", data, metadata={"axes": "ZCYX"}, imagej=True)
    found = encode([folder / "c.tif"], engine, Look())
    assert (found.planes, found.new) == (3, 0)
    assert [failure.index for failure in found.failures] == [(0,), (1,), (2,)]
    assert "--channels" in found.failures[0].sentence
    look = Look((1,), "percentile")
    found = encode([folder / "c.tif"], engine, look, axes=("Y",))
    assert (found.planes, found.new) == (40, 40)
    segmenter = Segmenter(grid=ENGINE.grid, device="cpu", store=store, **ENGINE.options)
    plane = np.moveaxis(data[:, :, 7], 1, -1)
    assert segmenter.is_encoded(plane, channel_axis=2, channels=[1], contrast="percentile")


def test_files_that_cannot_be_read_are_listed_and_the_rest_goes_on(folder, engine, in_process):
    (folder / "a.tif").write_bytes(b"no TIFF file")
    found = encode([folder / "a.tif", folder / "plane.tif"], engine, Look())
    assert found.new == 1
    (failure,) = found.failures
    assert (failure.path, failure.index) == (folder / "a.tif", None)
    assert "is no TIFF file" in failure.sentence


def test_a_plane_that_fails_is_listed(folder, engine, in_process, monkeypatch):
    original = Segmenter.encode
    calls = []

    def encode_or_fail(self, image, **more):
        calls.append(1)
        if len(calls) == 2:
            raise ValueError("no luck")
        return original(self, image, **more)

    monkeypatch.setattr(Segmenter, "encode", encode_or_fail)
    found = encode([folder / "stack.tif"], engine, Look())
    assert (found.new, len(found.failures)) == (3, 1)
    assert found.failures == (
        EncodeFailure(
            folder / "stack.tif",
            (1,),
            "It could not be encoded (no luck); the same command tries it again.",
        ),
    )


def test_what_concerns_all_planes_ends_it(folder, engine, in_process):
    with pytest.raises(InputError, match="no store"):
        encode([folder / "plane.tif"], ENGINE, Look())
    with pytest.raises(FileError, match="'x' is unknown"):
        encode([folder / "plane.tif"], replace(engine, method="x"), Look())
    assert len(in_process) == 1


def test_a_store_that_cannot_be_used(folder, engine, store, in_process):
    store.mkdir()
    (store / "thesis.txt").write_text("mine")
    with pytest.raises(FileError, match=r"^The folder|thesis|files"):
        encode([folder / "plane.tif"], engine, Look())
    assert os.listdir(store) == ["thesis.txt"]


def test_a_disk_that_gets_full_ends_it(folder, engine, in_process, monkeypatch):
    def full(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("napari_m2n2.attention.entries.write", full)
    with pytest.raises(FileError, match="the disk is full"):
        encode([folder / "stack.tif"], engine, Look())
    assert len(in_process) == 1


def test_called_off_what_was_encoded_stays(folder, engine, in_process):
    def stop(phase, fraction):
        if fraction >= 0.5:
            raise Cancelled

    with pytest.raises(Cancelled):
        encode([folder / "stack.tif"], engine, Look(), progress=stop)
    found = encode([folder / "stack.tif"], engine, Look())
    assert (found.new, found.known) == (2, 2)


def test_a_store_that_is_too_small_is_told(folder, engine, in_process, monkeypatch):
    told = []
    encode([folder / "plane.tif"], engine, Look(), warn=told.append)
    assert told == []
    monkeypatch.setenv("NAPARI_M2N2_STORE_LIMIT", "0.0001")
    encode([folder / "stack.tif"], replace(engine, grid=12), Look(), warn=told.append)
    (sentence,) = told
    assert "the store may have 0.0001 GB" in sentence
    assert "set a larger NAPARI_M2N2_STORE_LIMIT" in sentence
