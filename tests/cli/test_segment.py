"""`napari-m2n2 segment`, end to end with the real engine."""

from __future__ import annotations

import json

import imageio.v3
import nibabel
import numpy as np
import pytest
import tifffile
from extras import load
from no_network import keep_weights_in


@pytest.fixture
def iou(square):
    """Overlap of labels with the square."""
    return lambda labels: (labels & (square > 0)).sum() / (labels | (square > 0)).sum()


def test_labels_and_one_line(segment, work, iou):
    done = segment()
    assert done.code == 0
    labels = tifffile.imread(work.labels)
    assert set(np.unique(labels)) == {0, 1}
    assert iou(labels > 0) > 0.8
    pixels = int(labels.sum())
    assert done.out.startswith(f"{work.labels}: {pixels} of 1920 pixels are foreground (plane of ")
    phases = [line for line in done.err.splitlines() if line.endswith(" ...")]
    assert phases == done.err.splitlines()
    assert len(phases) == len(set(phases)) >= 3


def test_summary_for_machines(segment, work):
    done = segment("--json", "--contrast", 0, 255, "--preset", "published")
    summary = json.loads(done.out)
    assert summary["labels"] == str(work.labels)
    assert summary["shape"] == summary["stack_shape"] == [40, 48]
    assert summary["plane"] == []
    assert summary["prompts"] == {
        "points": 2,
        "foreground": 1,
        "background": 1,
        "boxes": 0,
        "scribbles": 0,
        "left_out": 0,
    }
    assert summary["foreground_pixels"] == tifffile.imread(work.labels).sum()
    assert len(summary["thresholds"]) == 2
    assert summary["timings"].keys() == {"prepare", "maps", "score", "total"}
    assert summary["device"] == "cpu" or summary["device"].startswith("cuda")
    assert summary["backbone"] == "texture"
    assert summary["parameters"]["grid"] == 12
    assert (summary["method"], summary["preset"]) == ("m2n2", "published")
    assert summary["contrast"] == [0, 255]
    assert "numpy" in summary["versions"]


@pytest.fixture
def stack(square):
    """Three planes, the square on the second."""
    planes = np.zeros((3, 40, 48), np.uint16)
    planes[1] = square
    return planes


def test_one_plane_of_a_stack(segment, work, iou, stack):
    tifffile.imwrite(work.image, stack, imagej=True, metadata={"axes": "ZYX"})
    work.points.write_text("axis-0,axis-1,axis-2,label\n1,17,22,fg\n1.2,4,4,bg\n2,5,5,fg\n")
    done = segment("--index", 1, "--json")
    summary = json.loads(done.out)
    assert summary["plane"] == [{"axis": 0, "index": 1}]
    assert (summary["stack_shape"], summary["stack_axes"]) == ([3, 40, 48], "ZYX")
    assert summary["prompts"]["left_out"] == 1
    assert "Left out, as they lie on other planes: 1 prompt." in done.err
    labels = tifffile.imread(work.labels)
    assert labels.shape == (3, 40, 48)
    assert iou(labels[1] > 0) > 0.8
    assert not labels[[0, 2]].any()


def test_plane_across_a_stack(segment, work, iou, stack):
    tifffile.imwrite(work.image, np.moveaxis(stack, 0, 2), photometric="minisblack")
    assert segment("--axis", 2, "--index", 1).code == 0
    assert iou(tifffile.imread(work.labels)[..., 1] > 0) > 0.8


def test_nifti_in_and_out(segment, work, iou, stack):
    affine = np.diag([-2.0, 3.0, 4.0, 1.0])
    image = work.folder / "image.nii.gz"
    nibabel.save(nibabel.Nifti1Image(stack.T, affine), image)
    labels = work.folder / "labels.nii.gz"
    assert segment("--index", 1, image=image, labels=labels).code == 0
    written = nibabel.load(labels)
    np.testing.assert_array_equal(written.affine, affine)
    assert iou(np.asarray(written.dataobj)[..., 1].T > 0) > 0.8


@pytest.mark.parametrize("name", ["image.png", "image.jpg"])
def test_pictures(segment, work, name, iou, stack, square):
    image = work.folder / name
    imageio.v3.imwrite(image, np.stack([square] * 3, axis=-1))
    labels = work.folder / "labels.png"
    assert segment(image=image, labels=labels).code == 0
    assert iou(imageio.v3.imread(labels) > 0) > 0.7


def test_json_prompts_with_box_and_scribble(segment, work, iou):
    points = work.folder / "points.json"
    points.write_text(
        json.dumps(
            {
                "boxes": [[10, 14, 25, 33]],
                "scribbles": [{"path": [[2, 2], [2, 40]], "label": "bg"}],
            }
        )
    )
    done = segment("--json", points=points)
    assert done.code == 0, done.err
    assert json.loads(done.out)["prompts"]["boxes"] == 1
    assert iou(tifffile.imread(work.labels) > 0) > 0.7


def test_channels(segment, work, iou, square):
    data = np.zeros((5, 40, 48), np.uint16)
    data[3] = square
    tifffile.imwrite(work.image, data, photometric="minisblack", metadata={"axes": "CYX"})
    assert segment("--channels", 3).code == 0
    labels = tifffile.imread(work.labels)
    assert labels.shape == (40, 48)
    assert iou(labels > 0) > 0.8


@pytest.mark.parametrize("method", ["m2n2", "m2n2-no-flood", "attention-nn", "kl-nn"])
def test_methods(segment, method):
    assert segment("--method", method, "--contrast", "percentile", "--device", "cpu").code == 0


def test_an_old_label_file_is_replaced(segment, work):
    work.labels.write_bytes(b"old")
    assert segment().code == 0
    assert tifffile.imread(work.labels).any()


def test_same_input_same_labels(segment, work):
    segment()
    first = work.labels.read_bytes()
    segment()
    assert work.labels.read_bytes() == first


def test_a_backbone_with_weights(segment, work, monkeypatch):
    tiny_models = load("tiny_models", "models")
    keep_weights_in(work.folder / "home", monkeypatch)
    folder = tiny_models.save_stable_diffusion(work.folder / "sd")
    monkeypatch.setattr("napari_m2n2.devices.resolve", lambda _device="auto": "cpu")
    done = segment(
        *("--backbone", "stable-diffusion-2", "--weights", folder, "--grid", 8),
        *("--blocks", "up0=3,up1", "--timestep", 50, "--json"),
    )
    assert done.code == 0, done
    summary = json.loads(done.out)
    assert summary["weights"] == str(folder)
    assert summary["options"]["blocks"] == [["up0", 0.75], ["up1", 0.25]]
    assert summary["options"]["timestep"] == 50
    assert summary["grid"] == [8, 8]
    assert summary["notes"] == [
        "There is no CUDA device, so stable-diffusion-2 runs on the processor, on a grid of 8; "
        "--device mps or a larger --grid may be asked for."
    ]
    sentences = [line for line in done.err.splitlines() if not line.endswith(" ...")]
    assert sentences == [f"napari-m2n2: {summary['notes'][0]}"]


def test_weights_for_a_backbone_without(segment):
    assert "'texture' has no weights" in segment("--weights", "folder").sentence


def test_ome_zarr_in_and_out(segment, work, square):
    import zarr

    from napari_m2n2.files import read_geometry, read_label_image

    image = work.folder / "image.ome.zarr"
    group = zarr.open_group(str(image), mode="w", zarr_format=2)
    group.create_array("0", shape=square.shape, dtype="uint8")[...] = square
    axes = [{"name": name, "type": "space", "unit": "micrometer"} for name in "yx"]
    steps = [{"type": "scale", "scale": [0.5, 0.25]}]
    datasets = [{"path": "0", "coordinateTransformations": steps}]
    group.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": datasets}]
    labels = work.folder / "labels.ome.zarr"
    assert segment(image=image, labels=labels).code == 0
    assert segment().code == 0
    found = read_label_image(labels)[0]
    np.testing.assert_array_equal(found, read_label_image(work.labels)[0])
    assert found.any()
    assert read_geometry(labels).spacing == (0.5, 0.25)
    inside = image / "labels" / "cells"
    assert segment(image=image, labels=inside).code == 0
    np.testing.assert_array_equal(read_label_image(inside)[0], found)
    assert "is the image itself" in segment(image=image, labels=image).sentence


# ------------------------------------------------------------------ words
def test_text_needs_a_backbone_that_understands_it(command, work):
    done = command("segment", work.image, "-o", work.labels, "--text", "square")
    assert done.code == 2
    assert "texture does not understand --text; choose stable-diffusion-2" in done.err
    done = command("segment", work.image, "-o", work.labels)
    assert done.code == 2
    assert "give --points" in done.err


def test_words_alone_are_a_prompt(command, work, monkeypatch):
    from napari_m2n2.segmenter import Segmenter

    asked = []
    plain = Segmenter.segment

    def segment(self, points, labels, *, text=None, **others):
        asked.append(text)
        return plain(self, [(18, 24)], [True], progress=others["progress"])

    monkeypatch.setattr(Segmenter, "segment", segment)
    monkeypatch.setattr("napari_m2n2.cli.segment.understands_text", lambda name: True)
    arguments = ("-o", work.labels, "--text", "square; black", "--grid", 12, "--json")
    done = command("segment", work.image, *arguments)
    assert done.code == 0, done
    assert asked == ["square; black"]
    said = json.loads(done.out)
    assert said["text"] == "square; black"
    assert said["points"] is None
    assert "labels are empty" not in done.err
