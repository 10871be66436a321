"""Files that cannot be read end in one sentence."""

from __future__ import annotations

import contextlib

import imageio.v3
import nibabel
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_m2n2.errors import FileError, InputError, MissingError
from napari_m2n2.files import read_image

STACK = np.arange(4 * 5 * 6, dtype=np.uint16).reshape(4, 5, 6)
PLAIN = {"photometric": "minisblack"}


def test_missing_file_folder_and_unknown_format(tmp_path):
    with pytest.raises(FileError, match=r"no\.tif does not exist; check the name"):
        read_image(tmp_path / "no.tif")
    (tmp_path / "folder.tif").mkdir()
    with pytest.raises(FileError, match="is a folder; give a file"):
        read_image(tmp_path / "folder.tif")
    for name in ("a.czi", "a", "a.gz"):
        with pytest.raises(FileError, match="unknown format; give a TIFF, PNG, JPEG or NIfTI"):
            read_image(tmp_path / name)


def test_unreadable_file(monkeypatch, tiff):
    path = tiff(np.zeros((5, 6), np.uint8))

    def refuse(*_args, **_kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", refuse)
    with pytest.raises(
        FileError, match=r"cannot be read .Permission denied.; check its permissions"
    ):
        read_image(path)


@pytest.mark.parametrize("name", ["a.tif", "a.png", "a.jpg", "a.nii", "a.nii.gz"])
def test_empty_and_nonsense_files(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"")
    with pytest.raises(FileError, match="is empty; copy or export it again"):
        read_image(path)
    path.write_bytes(b"this is no image at all, but long enough for a header" * 20)
    with pytest.raises(FileError, match="damaged or cut off"):
        read_image(path)


def _samples(folder):
    noise = np.random.default_rng(0).integers(0, 255, (4, 50, 60), dtype=np.uint8)
    yield "plain.tif", lambda p: tifffile.imwrite(p, noise[0])
    yield "zlib.tif", lambda p: tifffile.imwrite(p, noise[0], compression="zlib")
    yield "stack.tif", lambda p: tifffile.imwrite(p, noise, **PLAIN)
    yield "zstack.tif", lambda p: tifffile.imwrite(p, noise, compression="zlib", **PLAIN)
    yield "imagej.tif", lambda p: tifffile.imwrite(p, noise, imagej=True, metadata={"axes": "ZYX"})
    yield "ome.tif", lambda p: tifffile.imwrite(p, noise, ome=True, **PLAIN)
    yield "grey.png", lambda p: imageio.v3.imwrite(p, noise[0])
    yield "rgb.png", lambda p: imageio.v3.imwrite(p, noise[:3].transpose(1, 2, 0))
    yield "photo.jpg", lambda p: imageio.v3.imwrite(p, noise[0])
    yield "volume.nii", lambda p: nibabel.save(nibabel.Nifti1Image(noise, np.eye(4)), p)
    yield "volume.nii.gz", lambda p: nibabel.save(nibabel.Nifti1Image(noise, np.eye(4)), p)


@pytest.mark.parametrize("name", [name for name, _ in _samples(None)])
@pytest.mark.parametrize("part", [0.02, 0.3, 0.8])
def test_cut_off_files_never_pass_for_whole_ones(tmp_path, name, part):
    path = tmp_path / name
    dict(_samples(tmp_path))[name](path)
    content = path.read_bytes()
    path.write_bytes(content[: int(part * len(content))])
    index = None
    if "volume" in name:  # along the last axis, where the missing part lies
        index = 59
    elif "stack" in name or name in ("imagej.tif", "ome.tif"):
        index = 3
    with pytest.raises(FileError, match="damaged or cut off; copy it again"):
        read_image(path, index=index)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([name for name, _ in _samples(None)]), st.data())
def test_bytes_that_flipped_are_an_image_or_a_sentence(tmp_path_factory, name, data):
    folder = tmp_path_factory.mktemp("flipped")
    path = folder / name
    dict(_samples(folder))[name](path)
    content = bytearray(path.read_bytes())
    for _ in range(3):
        content[data.draw(st.integers(0, min(400, len(content) - 1)))] = data.draw(
            st.integers(0, 255)
        )
    path.write_bytes(content)
    with contextlib.suppress(FileError, InputError, MissingError):
        assert read_image(path, index=0).data.ndim in (2, 3)


def test_compression_that_needs_another_package(monkeypatch, tiff):
    path = tiff(STACK[0], compression="zlib")

    def refuse(*_args, **_kwargs):
        raise ValueError("<COMPRESSION.LZW: 5> requires the 'imagecodecs' package")

    monkeypatch.setattr(tifffile.TiffPageSeries, "asarray", refuse)
    with pytest.raises(MissingError, match="pip install imagecodecs"):
        read_image(path)


@pytest.mark.parametrize(
    ("choice", "sentence"),
    [
        (
            {},
            r"stack \(4 x 5 x 6, ZYX\); choose one plane with --index, 0 to 3 along axis 0 \(Z\)",
        ),
        ({"index": 4}, r"no plane 4 along axis 0 \(Z\); choose --index from 0 to 3"),
        ({"index": -1}, "no plane -1"),
        ({"index": (1, 2)}, "choose one plane with --index"),
        ({"axis": 7, "index": 0}, "has no axis 7; its axes are 4 x 5 x 6, ZYX, counted from 0"),
        ({"axis": "T", "index": 0}, "has no axis T"),
        ({"axis": (0, 1), "index": (0, 0)}, "give at most 1 of --axis"),
        ({"axis": (0, 0), "index": (0, 0)}, "same axis was given twice"),
        ({"axis": 0, "index": (0, 1)}, "1 values of --axis but 2 of --index"),
        ({"axis": 0, "index": 0, "channel_axis": 0}, "as --axis and as channel axis"),
    ],
)
def test_choice_of_a_plane_that_does_not_fit(choice, sentence, tiff):
    path = tiff(STACK, metadata={"axes": "ZYX"}, **PLAIN)
    with pytest.raises(InputError, match=sentence):
        read_image(path, **choice)


def test_index_for_a_single_plane(tiff):
    with pytest.raises(InputError, match="holds a single plane; leave --index out"):
        read_image(tiff(STACK[0]), index=0)
    with pytest.raises(InputError, match="no two axes besides the channels"):
        read_image(tiff(STACK[0]), channel_axis=0)
