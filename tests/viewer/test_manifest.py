from __future__ import annotations

import pytest
from npe2 import PluginManifest

from napari_m2n2.viewer.app import PLUGIN, WIDGET
from napari_m2n2.viewer.samples import SAMPLES


@pytest.fixture(scope="module")
def manifest():
    return PluginManifest.from_distribution(PLUGIN)


def test_every_command_can_be_imported(manifest):
    manifest.validate_imports()
    assert manifest.display_name


def test_the_widget_is_in_the_menu_for_segmentation(manifest):
    (widget,) = manifest.contributions.widgets
    assert widget.display_name == WIDGET
    (item,) = manifest.contributions.menus["napari/layers/segment"]
    assert item.command == widget.command


def test_samples_and_manifest_name_the_same(manifest):
    assert [sample.key for sample in manifest.contributions.sample_data] == list(SAMPLES)


@pytest.mark.parametrize("name", SAMPLES)
def test_samples_open_in_napari(model, manifest, name):
    (contribution,) = (s for s in manifest.contributions.sample_data if s.key == name)
    command = next(c for c in manifest.contributions.commands if c.id == contribution.command)
    module, function = command.python_name.split(":")
    open_sample = getattr(__import__(module, fromlist=[function]), function)
    ((data, attributes, kind),) = open_sample()
    assert kind == "image"
    layer = model.add_image(data, **attributes)
    assert layer.name == name
    assert layer.rgb == (data.shape[-1] == 3)


def test_napari_opens_the_widget_by_name(viewer, napari_plugin):
    _, widget = viewer.__wrapped__.window.add_plugin_dock_widget(PLUGIN, WIDGET)
    assert widget.status.text.text() == "Open an image to begin."
    widget.close()


@pytest.fixture
def napari_plugin():
    """Make sure that napari knows the plugins that are installed."""
    from npe2 import PluginManager

    PluginManager.instance().discover()
