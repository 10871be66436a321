from __future__ import annotations

import errno
import os
from collections import Counter
from dataclasses import replace

import imageio.v3
import nibabel
import numpy as np
import pytest
import tifffile
import zarr
from bulk_work import ENGINE, bright

from napari_m2n2 import Segmenter
from napari_m2n2.attention.texture import Texture
from napari_m2n2.bulk.encoding import EncodeFailure, encode
from napari_m2n2.bulk.engine import open_kept
from napari_m2n2.bulk.reading import Look
from napari_m2n2.errors import Cancelled, FileError, InputError
from napari_m2n2.files.stacks import image_files
from napari_m2n2.markov import reversible


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


def test_each_plane_is_computed_once_and_nothing_else(
    folder, engine, store, in_process, monkeypatch
):
    """So that a stack takes as long as its planes."""
    computed = Counter()

    def count(module, name):
        original = getattr(module, name)

        def counted(*given, **more):
            computed[name] += 1
            return original(*given, **more)

        monkeypatch.setattr(module, name, counted)

    count(Texture, "attend")
    count(Segmenter, "encode")
    count(reversible, "_factors")
    count(reversible, "_iterate")
    for new in (4, 0):
        computed.clear()
        assert encode([folder / "stack.tif"], engine, Look()).new == new
        made = {"attend": new, "_factors": new, "_iterate": new} if new else {}
        assert computed == {"encode": 4} | made


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


def test_a_folder_of_every_format(folder, engine, store, in_process):
    planes = bright(4) + np.arange(4, dtype=np.uint8)[:, None, None]
    affine = np.diag([0.5, 0.5, 3.0, 1.0])
    nibabel.save(nibabel.Nifti1Image(planes.T, affine), folder / "scan.nii.gz")
    imageio.v3.imwrite(folder / "picture.png", planes[3] + 1)
    group = zarr.open_group(str(folder / "deep" / "image.ome.zarr"), mode="w", zarr_format=2)
    scale = [{"type": "scale", "scale": [1.0, 1.0, 1.0]}]
    group.attrs["multiscales"] = [
        {
            "version": "0.4",
            "axes": [{"name": name, "type": "space"} for name in "zyx"],
            "datasets": [{"path": "0", "coordinateTransformations": scale}],
        }
    ]
    group.create_array("0", data=planes + 2)
    found = encode(image_files([folder]), engine, Look())
    assert found.failures == ()
    # plane.tif and stack.tif share a plane, and so do the others where a number is the same
    assert found.planes == 1 + 4 + 4 + 1 + 4
    segmenter = Segmenter(grid=ENGINE.grid, device="cpu", store=store, **ENGINE.options)
    for one in (*planes, planes[3] + 1, *(planes + 2)):
        assert segmenter.is_encoded(one)


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


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "cannot be written (the disk is full)"),
        (errno.EROFS, "cannot be written (Read-only file system)"),
    ],
)
def test_a_store_that_cannot_be_written_any_more(
    folder, engine, store, in_process, monkeypatch, number, words
):
    """What is there counts, what is not is not computed in vain, and the next call goes on."""
    encode([folder / "plane.tif"], engine, Look())  # has the pixels of the first plane
    computed, told = [], []
    attend = Texture.attend

    def counted(self, rgb):
        computed.append(1)
        return attend(self, rgb)

    def refuse(*_args, **_kwargs):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Texture, "attend", counted)
    before = entries(store)
    with monkeypatch.context() as broken:
        broken.setattr("napari_m2n2.atomic.os.open", refuse)
        order = [folder / "stack.tif", folder / "plane.tif"]
        found = encode(order, engine, Look(), warn=told.append)
    assert (found.planes, found.new, found.known, found.unkept) == (5, 0, 2, 3)
    assert found.failures == ()
    (sentence,) = told
    assert words in sentence
    assert len(computed) == 1
    assert entries(store) == before
    open_kept.cache_clear()
    monkeypatch.setattr("napari_m2n2.bulk.encoding._segmenters", {})
    found = encode([folder / "stack.tif"], engine, Look(), warn=told.append)
    assert (found.new, found.known, found.unkept, len(told)) == (3, 1, 0, 1)


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
