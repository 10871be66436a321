"""Layers given other data, renamed or removed: nothing is written to the wrong place."""

from __future__ import annotations

import numpy as np
import pytest

from napari_m2n2.viewer import standing, tools

from .conftest import disc


def noise(*shape, seed=0):
    return np.random.default_rng(seed).random(shape)


@pytest.fixture
def pair(begin):
    return begin(noise(40, 60), name="noise")


def test_an_image_given_other_pixels_is_outlined_anew(pair, discs):
    pair.prompts.add([10, 20])
    discs.shift = 5
    pair.image.data = noise(40, 60, seed=1)
    assert len(discs.images) == 2
    assert np.array_equal(pair.labels.data, disc((40, 60), (15, 20)))


def test_an_image_given_another_shape_is_refused_and_given_back_is_fine(pair, discs, screen):
    data = pair.image.data
    pair.prompts.add([10, 20])
    pair.image.data = noise(50, 60)
    assert "another shape" in screen.text
    pair.prompts.add([30, 20])
    assert len(discs.clicks) == 1
    pair.image.data = data
    assert np.array_equal(pair.labels.data, disc((40, 60), (10, 20), (30, 20)))


def test_renamed_layers_stay_an_object(pair):
    for layer in (pair.image, *pair.layers):
        layer.name = "anything"
    pair.prompts.add([10, 20])
    assert np.array_equal(pair.labels.data, disc((40, 60), (10, 20)))


def test_drawing_can_be_thrown_away_and_taken_up_again(pair, controller, model):
    pair.prompts.add([10, 20])
    controller.take(tools.TOOLS[1])
    assert pair.shapes in model.layers
    pair.shapes.add_rectangles([[20, 20], [30, 30]])
    model.layers.remove(pair.shapes)
    assert controller.pairs == (pair,)
    assert not pair.prompts_on(controller.shown()).boxes.size
    pair.prompts.add([12, 22])
    assert np.array_equal(pair.labels.data, disc((40, 60), (10, 20), (12, 22)))
    controller.take(tools.TOOLS[1])
    assert model.layers.selection.active is pair.shapes


def test_the_other_object_is_at_work_once_one_is_removed(begin, controller, model, screen):
    first = begin(noise(40, 60))
    second = begin(noise(40, 60, seed=1))
    heard = []
    controller.pair_changed.connect(heard.append)
    model.layers.remove(second.prompts)
    assert controller.current is first
    assert heard == [first]
    model.layers.clear()
    assert controller.current is None
    assert screen.text.startswith(("A layer of this object", "Open an image"))


def test_all_layers_removed_at_once(begin, controller, model):
    pair = begin(noise(40, 60))
    pair.prompts.add([10, 20])
    controller.state.overlay = "score"
    model.layers.selection.select_only(pair.image)
    model.layers.selection.update(model.layers)
    model.layers.remove_selected()
    assert controller.pairs == ()


# what computes


def test_the_processor_in_place_of_a_gpu_is_named_for_as_long_as_it_is(pair, controller):
    from dataclasses import replace

    heard = []
    controller.banner.connect(heard.append)
    state = controller.state
    state.settings = replace(state.settings, backbone="stable-diffusion-2", device="cpu")
    pair.prompts.add([10, 20])
    assert len(heard) == 1
    assert "stable-diffusion-2 runs on the processor" in heard[0]
    state.settings = replace(state.settings, backbone="texture")
    assert heard[-1] == ""
    assert len(heard) == 2


def test_what_auto_means_is_known_once_there_is_work(monkeypatch):
    from napari_m2n2 import devices
    from napari_m2n2.annotation.jobs import Settings

    settings = Settings(backbone="dinov2-small")
    assert standing.slow_device(settings, "") == ""
    import torch  # noqa: F401 - nobody has loaded it where this test runs alone

    monkeypatch.setattr(devices, "resolve", lambda device: "cpu")
    assert "dinov2-small runs on the processor" in standing.slow_device(settings, "encode")
    monkeypatch.setattr(devices, "resolve", lambda device: "cuda:0")
    assert standing.slow_device(settings, "encode") == ""
    assert standing.slow_device(Settings(), "encode") == ""


def test_other_lazy_pixels_are_read_whoever_hears_of_them_first(begin, model, discs):
    import dask.array

    pair = begin(dask.array.zeros((40, 60)), contrast_limits=(0, 1))
    pair.prompts.add([10, 20])
    pair.image.data = dask.array.ones((40, 60))
    assert [float(image.max()) for image, _ in discs.images] == [0, 1]
    pair.prompts.add([10, 22])
    assert len(discs.images) == 2


def test_the_number_of_data_counts_once_before_and_after_it_is_told(model):
    import dask.array

    from napari_m2n2.viewer.content import version_of

    layer = model.add_image(dask.array.zeros((4, 6)))
    seen = [version_of(layer)]
    layer.events.data.connect(lambda _: seen.append(version_of(layer)), position="first")
    layer.data = dask.array.ones((4, 6))
    assert seen[0] != seen[1] == version_of(layer)
