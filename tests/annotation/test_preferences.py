from __future__ import annotations

import logging
from dataclasses import asdict, fields
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from npe2.manifest.contributions import ConfigurationContribution

from napari_m2n2.annotation.jobs import Settings
from napari_m2n2.annotation.preferences import Preferences, manifest_properties
from napari_m2n2.devices import resolve
from napari_m2n2.segmentation.parameters import PRESETS


def test_what_was_set_is_read_from_mappings_and_objects():
    values = {"grid": 96, "contrast": "percentile", "largest_plane": 9, "unheard_of": 1}
    for source in (values, SimpleNamespace(**values)):
        found = Preferences.from_values(source)
        assert (found.grid, found.contrast, found.largest_plane) == (96, "percentile", 9.0)
        assert isinstance(found.largest_plane, float)
        assert found.backbone == "texture"


def test_defaults_are_those_of_the_settings():
    assert Preferences().settings == Settings()
    assert Preferences.from_values(None) == Preferences()


@pytest.mark.parametrize(
    "wrong",
    [
        {"backbone": "of-a-later-version"},
        {"backbone": 3},
        {"grid": -1},
        {"grid": 2.5},
        {"grid": True},
        {"grid": "64"},
        {"opacity": float("nan")},
        {"largest_plane": 1e9},
        {"kept_planes": None},
        {"autosave": "yes"},
        {"autosave": 1},
        {"session_folder": None},
    ],
)
def test_what_cannot_be_is_left_at_its_default(wrong, caplog):
    with caplog.at_level(logging.WARNING):
        assert Preferences.from_values(wrong) == Preferences()
    assert next(iter(wrong)) in caplog.text


junk = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.none())


@given(st.fixed_dictionaries({}, optional={f.name: junk for f in fields(Preferences)}))
def test_whatever_the_file_says_there_are_preferences(values):
    found = Preferences.from_values(values)
    assert Preferences.from_values(asdict(found)) == found
    assert found.most_pixels >= 1


def test_choices_are_those_that_there_are():
    properties = manifest_properties()
    assert tuple(properties["preset"]["enum"]) == PRESETS
    assert resolve(properties["device"]["default"])


def test_napari_can_make_a_page_of_them():
    page = ConfigurationContribution(title="Outlines", properties=manifest_properties())
    assert {name: p.default for name, p in page.properties.items()} == asdict(Preferences())


def test_settings_follow():
    found = Preferences(backbone="dinov2-small", preset="published", grid=32, device="cpu")
    assert found.settings == Settings("dinov2-small", "m2n2", "published", 32, "cpu")
    assert Preferences(largest_plane=0.25).most_pixels == 250_000


def test_contrast_is_the_layers_unless_it_says_nothing():
    assert Preferences().contrast_of((0, 100)) == (0, 100)
    assert Preferences().contrast_of((5, 5)) == "percentile"
    assert Preferences(contrast="percentile").contrast_of((0, 100)) == "percentile"
    assert Preferences(contrast="percentile").contrast_of(None) is None
