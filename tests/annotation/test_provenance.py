"""What made a mask, kept so that it can be made once more anywhere."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from napari_m2n2 import __version__
from napari_m2n2.annotation.channels import Channel
from napari_m2n2.annotation.jobs import Segmented, Settings
from napari_m2n2.annotation.planes import Plane
from napari_m2n2.annotation.prompts import PlanePrompts
from napari_m2n2.annotation.provenance import Provenance, view_of


def outcome(device="cpu"):
    empty = np.zeros((4, 4))
    return Segmented(empty > 0, empty, grid=(57, 72), device=device, weights="w@1")


def test_it_is_told_by_the_settings_and_by_what_was_found():
    settings = Settings("texture", "mis", "published", 48, "auto", "pdm")
    made = Provenance.of(settings, outcome(), contrast="percentile", level=1, way="propagated")
    assert made == Provenance(
        "propagated", "texture", "w@1", "published", "mis", "pdm", 48, (57, 72), "cpu",
        "percentile", (), 1, __version__,
    )  # fmt: skip
    assert made.settings() == settings
    assert made.settings("cuda:1").device == "cuda:1"


def test_a_grid_that_was_left_to_the_backbone_is_the_one_there_was():
    here = Provenance.of(Settings("stable-diffusion-2"), outcome("cpu"))
    there = Provenance.of(Settings("stable-diffusion-2"), outcome("cuda:0"))
    assert 0 < here.grid < there.grid
    assert here.settings("cuda:0").grid == here.grid


def test_nothing_that_changes_a_mask_is_forgotten():
    settings = {field.name for field in fields(Settings)}
    assert settings - {"device"} <= {field.name for field in fields(Provenance)}
    prompts = {field.name for field in fields(PlanePrompts)}
    kept_as_points = {"points", "labels", "thresholds", "origin"}
    kept_as_shapes = {"boxes", "scribbles", "lassos", "excluded"}
    # what is new here needs a place in `PlaneRecord`, or sessions could not be replayed
    assert prompts == kept_as_points | kept_as_shapes | {"start", "outside"}


def test_how_a_channel_is_looked_at():
    plane = Plane((3, 4, 5), (1, 2), ((0, 2),))
    channel = Channel(None, plane, (1.0, 2.0), (1.0, 0.0, 0.0))
    view = view_of(channel, "red", "a.tif")
    assert (view.layer, view.path, view.hidden) == ("red", "a.tif", ((0, 2),))
    assert (view.contrast, view.colour) == ((1.0, 2.0), (1.0, 0.0, 0.0))
