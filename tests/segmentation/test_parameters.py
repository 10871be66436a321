from __future__ import annotations

import numpy as np
import pytest

from napari_m2n2.errors import InputError
from napari_m2n2.segmentation.parameters import PRESETS, PUBLISHED, resolve
from napari_m2n2.segmentation.registry import METHODS


def test_published_is_what_the_paper_and_its_code_say():
    p = resolve("m2n2", "published", "texture", {})
    assert p == PUBLISHED
    assert (p.temperature, p.ipf_rounds, p.ipf_tolerance) == (0.65, 200, 0)
    assert (p.tau, p.max_steps, p.start, p.walk) == (0.3, 1000, "published", "plain")
    assert (p.upsampling, p.sigma_space, p.sigma_range) == ("dense", 1, 0.1)
    assert (p.flood, p.area_prior, p.edge_bins) == (True, 0.4, 1024)
    assert (p.image_edge, p.area_power, p.min_area) == (0, 0, 0)


def test_default_is_published_for_backbones_that_nobody_measured():
    assert resolve("m2n2", "default", "something", {}) == PUBLISHED
    assert resolve("m2n2", "default", "texture", {}) != PUBLISHED


def test_methods_change_what_they_must():
    assert resolve("m2n2-no-flood", "published", "", {}).flood is False
    assert resolve("attention-nn", "published", "", {}).temperature == 10
    assert resolve("kl-nn", "default", "texture", {}).temperature == 2
    assert resolve("kl-nn", "published", "", {}).ipf_rounds == 0
    trees = resolve("mis", "default", "texture", {}), resolve("dwc", "default", "texture", {})
    assert [(one.correction, one.correction_share) for one in trees] == [(6, 4), (6, 0)]


def test_the_users_own_value_wins():
    assert resolve("kl-nn", "published", "", {"temperature": 3.0}).temperature == 3


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("grid", 0),
        ("grid", 64.0),
        ("grid", True),
        ("grid", "64"),
        ("temperature", 0),
        ("temperature", float("nan")),
        ("tau", 1),
        ("tau", 0),
        ("max_steps", 0),
        ("area_prior", 1.1),
        ("walk", "fast"),
        ("upsampling", "nearest"),
        ("flood", 1),
        ("walk_steps", 0.5),
        ("cut_graph", "euclid"),
        ("correction_share", -1),
        ("sharpness", 1),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(name, value):
    with pytest.raises(InputError) as caught:
        resolve("m2n2", "default", "texture", {name: value})
    assert name in str(caught.value)


@pytest.mark.parametrize("names", [("unknown", "default"), ("m2n2", "unknown")])
def test_unknown_names(names):
    with pytest.raises(InputError, match="'unknown' is unknown; choose one of"):
        resolve(*names, "texture", {})


def test_numbers_of_numpy_are_numbers():
    assert resolve("m2n2", "default", "", {"temperature": np.float64(0.5)}).temperature == 0.5


def test_walks_need_not_have_whole_lengths():
    assert resolve("dwc", "default", "", {"walk_steps": 2.5}).walk_steps == 2.5


def test_names():
    assert {"m2n2", "m2n2-no-flood", "attention-nn", "kl-nn"} < set(METHODS)
    assert PRESETS == ("default", "published")
