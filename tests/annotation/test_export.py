"""Labels handed on to other programs: from files, from sessions and from layers."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel
import numpy as np
import pandas
import pytest
import tifffile
import zarr

from napari_m2n2.annotation.autosave import Autosave
from napari_m2n2.annotation.export import (
    FORMATS,
    TITLES,
    Annotated,
    ExportOptions,
    check_export,
    export,
    format_of,
)
from napari_m2n2.annotation.export_sources import (
    ImageLayer,
    Known,
    from_files,
    from_layers,
    from_session,
)
from napari_m2n2.annotation.identity import identify
from napari_m2n2.annotation.masks import Mask
from napari_m2n2.annotation.objects import AnnotatedObject
from napari_m2n2.annotation.planes import Plane
from napari_m2n2.annotation.records import PlaneRecord
from napari_m2n2.annotation.resume import plane_view
from napari_m2n2.annotation.session import Session
from napari_m2n2.errors import Cancelled, FileError, InputError
from napari_m2n2.files import read_label_image
from napari_m2n2.files.coco import Named

SHAPE = (3, 8, 10)
PIXELS = np.random.default_rng(0).integers(1, 900, SHAPE).astype(np.int16)
AFFINE = np.array([[0, -1.5, 0, 9], [2, 0, 0, -3], [0, 0, 4, 5], [0, 0, 0, 1.0]])
LABELS = np.zeros(SHAPE, np.uint16)
LABELS[1, 2:5, 3:7] = 1
LABELS[2, 2:5, 3:7] = 1
LABELS[1, 6:8, 0:2] = 2


@pytest.fixture
def nifti(tmp_path):
    """A volume with an affine that is neither diagonal nor the identity."""
    image = nibabel.Nifti1Image(PIXELS.T, AFFINE)
    image.header.set_xyzt_units("mm")
    nibabel.save(image, tmp_path / "scan.nii.gz")
    return tmp_path / "scan.nii.gz"


def layer(data=PIXELS, path=None, **changes):
    given = {"name": "cells", "data": data, "rgb": False, "path": path}
    given |= {"scale": (2.0, 0.5, 0.25), "units": ("micrometer",) * 3}
    return ImageLayer(**given | changes)


# ------------------------------------------------------------------ names
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.tif", "tiff"),
        ("a.OME.TIFF", "tiff"),
        ("a.nii.gz", "nifti"),
        ("a.nii", "nifti"),
        ("a.ome.zarr", "ome-zarr"),
        ("a.zarr", "ome-zarr"),
        ("a.png", "png"),
        ("a.json", "coco"),
        ("a.csv", "csv"),
    ],
)
def test_the_ending_says_the_format(name, kind):
    assert format_of(Path(name)) == kind


def test_every_format_has_a_title():
    assert list(FORMATS) == list(TITLES)


@pytest.mark.parametrize("name", ["a", "a.jpg", "a.gz", "a.nrrd"])
def test_others_are_refused(name):
    with pytest.raises(FileError, match=r"no ending that names a format; choose one of \.tif"):
        format_of(Path(name))


# ------------------------------------------------------------------ round trips
@pytest.mark.parametrize("name", ["a.tif", "a.nii.gz", "a.nii", "a.ome.zarr"])
def test_label_images_come_back_as_they_were(tmp_path, nifti, name):
    tifffile.imwrite(tmp_path / "labels.tif", LABELS, photometric="minisblack")
    what = from_files(tmp_path / "labels.tif", nifti)
    assert export(what, tmp_path / name) == "2 labels"
    back, geometry = read_label_image(tmp_path / name)
    np.testing.assert_array_equal(back, LABELS)
    factor = 1000 if name.endswith(".tif") else 1  # TIFF has micrometres
    np.testing.assert_allclose(geometry.spacing, np.multiply((4, 1.5, 2), factor))
    if ".nii" in name:
        written = nibabel.load(tmp_path / name)
        np.testing.assert_array_equal(written.affine, AFFINE)
        assert written.header.get_xyzt_units()[0] == "mm"


def test_from_one_format_into_another_without_the_image(tmp_path, nifti):
    export(Annotated(LABELS, from_files(nifti).geometry, "a"), tmp_path / "labels.nii.gz")
    export(from_files(tmp_path / "labels.nii.gz"), tmp_path / "again.nii.gz")
    np.testing.assert_array_equal(nibabel.load(tmp_path / "again.nii.gz").affine, AFFINE)
    np.testing.assert_array_equal(read_label_image(tmp_path / "again.nii.gz")[0], LABELS)


def test_a_table_has_the_grey_values_of_the_image(tmp_path, nifti):
    tifffile.imwrite(tmp_path / "labels.tif", LABELS, photometric="minisblack")
    what = from_files(tmp_path / "labels.tif", nifti)
    assert export(what, tmp_path / "a.csv") == "2 rows"
    table = pandas.read_csv(tmp_path / "a.csv")
    assert table["label"].tolist() == [1, 2]
    assert table["volume"].tolist() == [24 * 12, 4 * 12]
    assert table["unit"].tolist() == ["mm", "mm"]
    np.testing.assert_allclose(table["mean"], [PIXELS[n == LABELS].mean() for n in (1, 2)])
    export(what, tmp_path / "a.csv", ExportOptions(by="plane"))
    assert pandas.read_csv(tmp_path / "a.csv")["z"].tolist() == [1, 1, 2]


def test_coco_has_an_image_for_each_plane_with_objects(tmp_path):
    tifffile.imwrite(tmp_path / "stack.tif", LABELS, imagej=True, metadata={"axes": "ZYX"})
    assert export(from_files(tmp_path / "stack.tif"), tmp_path / "a.json") == "3 annotations"
    images = json.loads((tmp_path / "a.json").read_text())["images"]
    assert [image["file_name"] for image in images] == ["stack_Z0001.png", "stack_Z0002.png"]
    assert [image["plane"] for image in images] == [[1], [2]]
    tifffile.imwrite(tmp_path / "one.tif", LABELS[1])
    export(from_files(tmp_path / "one.tif"), tmp_path / "a.json")
    (image,) = json.loads((tmp_path / "a.json").read_text())["images"]
    assert image == {"id": 1, "file_name": "one.tif", "width": 10, "height": 8}


def test_labels_of_another_image_are_refused(tmp_path, nifti):
    tifffile.imwrite(tmp_path / "labels.tif", LABELS[:2])
    with pytest.raises(InputError, match=r"2 x 8 x 10 pixels but scan\.nii\.gz has 3 x 8 x 10"):
        from_files(tmp_path / "labels.tif", nifti)


def test_what_cannot_be_written_is_found_before(tmp_path):
    what = from_layers(LABELS, layer())
    for name, words in [
        ("no/a.csv", "does not exist"),
        ("a.png", "A PNG file holds one plane but cells is a stack"),
        ("a.xyz", "names a format"),
    ]:
        with pytest.raises(FileError, match=words):
            check_export(tmp_path / name, what.geometry)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["a.tif", "a.zarr", "a.json", "a.csv"])
def test_when_it_is_stopped_what_was_there_stays(tmp_path, name):
    what = from_layers(LABELS, layer())
    export(what, tmp_path / name)
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}

    def stop(_phase, _fraction):
        raise Cancelled

    with pytest.raises(Cancelled):
        export(what, tmp_path / name, progress=stop)
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before


# ------------------------------------------------------------------ sessions
def outlined(number, value, plane, labels, name="", state="done"):
    mask = np.asarray(labels)
    record = PlaneRecord(mask=Mask.pack(mask))
    return AnnotatedObject(number, value, name, state, {plane: record})


def saved(folder, image, labels, **content):
    """Save a session as the window does."""
    path = folder / "scan.m2n2.json"
    keeper = Autosave(path)
    identity = identify(PIXELS, path=image, layer="scan", session=path)
    keeper.submit(Session(identity, **content), labels)
    keeper.flush()
    keeper.close()
    return path


def test_a_session_has_names_and_the_affine_of_its_image(tmp_path, nifti):
    planes = [Plane(SHAPE, (1, 2), ((0, k),)) for k in range(3)]
    objects = (
        outlined(1, 1, planes[1], LABELS[1] == 1, "tumour"),
        outlined(2, 2, planes[1], LABELS[1] == 2, "", "flagged"),
    )
    path = saved(tmp_path, nifti, LABELS, objects=objects)
    what = from_session(path)
    export(what, tmp_path / "a.nii.gz")
    np.testing.assert_array_equal(nibabel.load(tmp_path / "a.nii.gz").affine, AFFINE)
    np.testing.assert_array_equal(read_label_image(tmp_path / "a.nii.gz")[0], LABELS)
    export(what, tmp_path / "a.csv")
    table = pandas.read_csv(tmp_path / "a.csv", keep_default_na=False)
    assert table[["name", "state"]].to_numpy().tolist() == [["tumour", "done"], ["", "flagged"]]
    assert table["mean"].tolist() == [PIXELS[n == LABELS].mean() for n in (1, 2)]
    export(what, tmp_path / "a.zarr")
    attributes = dict(zarr.open_group(str(tmp_path / "a.zarr"), mode="r").attrs)
    assert attributes["image-label"]["properties"] == [{"label-value": 1, "name": "tumour"}]


def test_objects_of_one_class_are_told_apart(tmp_path, nifti):
    labels = np.where(LABELS > 0, 4, 0).astype(np.uint16)
    labels[0, 0, 0] = 4  # painted by hand
    planes = [Plane(SHAPE, (1, 2), ((0, k),)) for k in range(3)]
    one = outlined(1, 4, planes[1], LABELS[1] == 1, "a")
    one = AnnotatedObject(
        1, 4, "a", "done", {**one.records, planes[2]: PlaneRecord(mask=Mask.pack(LABELS[2] == 1))}
    )
    two = outlined(2, 4, Plane(SHAPE, (2, 1), ((0, 1),)), (LABELS[1] == 2).T, "b")
    content = {"objects": (one, two), "classes": ((4, "nucleus"),), "mode": "semantic"}
    what = from_session(saved(tmp_path, nifti, labels, **content))
    export(what, tmp_path / "a.tif")
    np.testing.assert_array_equal(read_label_image(tmp_path / "a.tif")[0], labels)
    export(what, tmp_path / "a.csv")
    table = pandas.read_csv(tmp_path / "a.csv", keep_default_na=False)
    assert table[["label", "name", "class", "pixels"]].to_numpy().tolist() == [
        [1, "a", "nucleus", 24],
        [2, "b", "nucleus", 4],
        [3, "", "nucleus", 1],
    ]
    export(what, tmp_path / "a.json")
    found = json.loads((tmp_path / "a.json").read_text())
    number = next(c["id"] for c in found["categories"] if c["name"] == "nucleus")
    assert {entry["category_id"] for entry in found["annotations"]} == {number}
    assert len(found["annotations"]) == 4


TURNED = PIXELS.T, (LABELS > 0).T, Plane((10, 8, 3), (0, 1), ((2, 1),))
THIN = PIXELS[:, None], (LABELS > 0)[:, None], Plane((3, 1, 8, 10), (2, 3), ((0, 1), (1, 0)))


@pytest.mark.parametrize(("pixels", "labels", "plane"), [TURNED, THIN], ids=["turned", "thin"])
def test_objects_of_a_class_whatever_the_axes_of_the_layer(nifti, pixels, labels, plane):
    mask = plane_view(labels, plane)
    known = Known((outlined(5, 1, plane, mask, "a"),), ((1, "nucleus"),), "semantic")
    given = layer(pixels, nifti, scale=(1.0,) * labels.ndim)
    what = from_layers(labels.astype(np.uint8), given, known)
    assert what.geometry.template is not None
    np.testing.assert_array_equal(what.labels > 0, LABELS > 0)
    np.testing.assert_array_equal(what.objects[1] == 5, LABELS[1] > 0)
    np.testing.assert_array_equal(what.objects[2] == 6, LABELS[2] > 0)  # of no object


def test_sessions_that_cannot_be_exported(tmp_path, nifti):
    empty = saved(tmp_path, nifti, None)
    with pytest.raises(InputError, match="has no labels yet"):
        from_session(empty)
    nifti.unlink()
    with pytest.raises(FileError, match="does not exist"):
        from_session(empty)


def test_the_image_may_lie_elsewhere(tmp_path, nifti):
    path = saved(tmp_path, nifti, LABELS)
    (tmp_path / "there").mkdir()
    moved = nifti.rename(tmp_path / "there" / nifti.name)
    export(from_session(path, moved), tmp_path / "a.nii.gz")
    np.testing.assert_array_equal(nibabel.load(tmp_path / "a.nii.gz").affine, AFFINE)


# ------------------------------------------------------------------ layers
def test_a_layer_without_a_file_has_its_own_scale(tmp_path):
    what = from_layers(LABELS, layer(), Known((AnnotatedObject(1, 1, "a"),)))
    assert (what.geometry.spacing, what.geometry.unit) == ((2.0, 0.5, 0.25), "micron")
    assert what.names[1] == Named("a", "", "done")
    export(what, tmp_path / "a.nii.gz")
    np.testing.assert_allclose(
        np.diag(nibabel.load(tmp_path / "a.nii.gz").affine), [0.25, 0.5, 2, 1]
    )
    export(what, tmp_path / "a.csv")
    table = pandas.read_csv(tmp_path / "a.csv")
    np.testing.assert_allclose(table["mean"], [PIXELS[n == LABELS].mean() for n in (1, 2)])


@pytest.mark.parametrize(
    ("units", "spacing", "unit"),
    [
        (("pixel",) * 3, (2.0, 0.5, 0.25), ""),
        (("millimeter",) * 3, (2.0, 0.5, 0.25), "mm"),
        (("nanometer",) * 3, (0.002, 0.0005, 0.00025), "micron"),
        (("second", "micrometer", "micrometer"), (2.0, 0.5, 0.25), "micron"),
    ],
)
def test_units_of_napari(units, spacing, unit):
    geometry = from_layers(LABELS, layer(units=units)).geometry
    assert geometry.unit == unit
    np.testing.assert_allclose(geometry.spacing, spacing)


def test_a_layer_from_a_file_has_the_affine_of_the_file(tmp_path, nifti):
    export(from_layers(LABELS, layer(path=nifti)), tmp_path / "a.nii.gz")
    written = nibabel.load(tmp_path / "a.nii.gz")
    np.testing.assert_array_equal(written.affine, AFFINE)
    np.testing.assert_array_equal(np.asarray(written.dataobj).T, LABELS)


@pytest.mark.parametrize("side", [8, 9])
def test_axes_that_a_plugin_turned_round_are_turned_back(tmp_path, side):
    """Of a cube, too, whose shape does not tell."""
    pixels = np.random.default_rng(1).integers(0, 99, (8, 8, side)).astype(np.int16)
    nibabel.save(nibabel.Nifti1Image(pixels.T, AFFINE), tmp_path / "scan.nii.gz")
    labels = (pixels > 60).astype(np.uint8)
    turned = from_layers(labels.T, layer(pixels.T, tmp_path / "scan.nii.gz"))
    export(turned, tmp_path / "a.nii.gz")
    written = nibabel.load(tmp_path / "a.nii.gz")
    np.testing.assert_array_equal(np.asarray(written.dataobj).T, labels)
    np.testing.assert_array_equal(written.affine, AFFINE)


def test_a_layer_that_was_changed_has_not_the_affine_of_its_file(tmp_path, nifti):
    what = from_layers(LABELS, layer(PIXELS[::-1], path=nifti))
    assert what.geometry.template is None
    what = from_layers(LABELS, layer(path=tmp_path / "gone.nii"))
    assert what.geometry.template is None


def test_colours_and_axes_of_length_one(tmp_path):
    colours = np.random.default_rng(2).integers(0, 255, (8, 10, 3)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", colours, photometric="rgb")
    given = {"rgb": True, "scale": (1.0, 1.0), "units": ("pixel",) * 2}
    what = from_layers(LABELS[1], layer(colours, tmp_path / "a.tif", **given))
    export(what, tmp_path / "a.csv")
    table = pandas.read_csv(tmp_path / "a.csv")
    np.testing.assert_allclose(
        table["mean_2"], [colours[LABELS[1] == n, 2].mean() for n in (1, 2)]
    )
    thin = from_layers(LABELS[1][None], layer(PIXELS[1][None]))
    export(thin, tmp_path / "a.json")
    (image,) = json.loads((tmp_path / "a.json").read_text())["images"]
    assert image["file_name"] == "cells"


def test_labels_of_a_coarser_level_have_larger_pixels():
    what = from_layers(LABELS[:, ::2, ::2], layer(scale=(2.0, 1.0, 0.5)))
    assert what.geometry.spacing == (2.0, 1.0, 0.5)
    assert what.pixels is None
