from __future__ import annotations

import logging
from importlib.metadata import version

import napari
import pytest
from napari import settings
from npe2 import PluginManifest
from packaging.version import Version

from napari_m2n2.annotation.preferences import Preferences, manifest_properties
from napari_m2n2.viewer.preferences import GROUP, PLUGIN, read
from napari_m2n2.viewer.state import State

from .conftest import dock, run_now

needs_settings = pytest.mark.skipif(
    Version(napari.__version__) < Version("0.9.0rc0"),
    reason="napari before 0.9 has no settings of plugins",
)


@pytest.fixture
def known(request):
    """napari's settings of this plugin, in a file of their own."""
    request.getfixturevalue("plugin_settings")
    manager = request.getfixturevalue("npe2pm")
    if PLUGIN not in manager:
        manager.register(PluginManifest.from_distribution(PLUGIN))
    return settings.get_plugin_settings(PLUGIN)


@pytest.mark.skipif(
    Version(version("npe2")) < Version("0.9"),
    reason="npe2 before 0.9 has no settings",
)
def test_the_manifest_lists_them_as_they_are():
    configurations = PluginManifest.from_distribution(PLUGIN).contributions.configurations
    assert list(configurations) == [GROUP]
    listed = {
        name: entry.model_dump(exclude_unset=True, mode="json")
        for name, entry in configurations[GROUP].properties.items()
    }
    assert listed == manifest_properties()


@needs_settings
def test_the_page_of_settings_begins_with_the_defaults(known):
    assert read() == Preferences()
    assert Preferences.from_values(getattr(known, GROUP)) == Preferences()


@needs_settings
def test_what_is_set_there_is_read_and_kept(known):
    group = getattr(known, GROUP)
    group.overlay, group.opacity, group.grid, group.preset = "score", 0.75, 96, "published"
    found = read()
    assert (found.overlay, found.opacity, found.grid) == ("score", 0.75, 96)
    state = State.from_preferences(found)
    assert (state.overlay, state.opacity) == ("score", 0.75)
    assert (state.settings.grid, state.settings.preset) == (96, "published")
    assert "opacity: 0.75" in known.config_path.read_text()


@needs_settings
@pytest.mark.parametrize(("name", "value"), [("opacity", 7), ("overlay", "rainbow"), ("grid", -1)])
def test_the_page_refuses_what_cannot_be(known, name, value):
    with pytest.raises(ValueError, match=name):
        setattr(getattr(known, GROUP), name, value)


def test_without_such_settings_the_defaults_are_taken(monkeypatch):
    monkeypatch.delattr(settings, "get_plugin_settings", raising=False)
    assert read() == Preferences()


def test_settings_that_cannot_be_read_keep_nobody_from_working(monkeypatch, caplog):
    def broken(_plugin):
        raise ValueError("the file is damaged")

    monkeypatch.setattr(settings, "get_plugin_settings", broken, raising=False)
    with caplog.at_level(logging.WARNING):
        assert read() == Preferences()
    assert "the file is damaged" in caplog.text


def test_the_widget_begins_with_them(viewer, discs, monkeypatch):
    wanted = Preferences(overlay="uncertainty", opacity=0.9, grid=32, contrast="percentile")
    monkeypatch.setattr("napari_m2n2.viewer.preferences.read", lambda: wanted)
    widget = dock(viewer, discs, runner=run_now)
    state = widget.controller.state
    assert (state.overlay, state.opacity, state.contrast) == ("uncertainty", 0.9, "percentile")
    assert state.settings.grid == 32
    assert widget.look.overlay.currentData() == "uncertainty"
    widget.close()
