"""The points of an object: signs, order and λ, whatever napari does to their table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from napari_m2n2.viewer.points_layer import make_prompts, read_thresholds, write_threshold
from napari_m2n2.viewer.signs import MARKS, ORDER, SIGN, THRESHOLD, read_signs


@pytest.fixture
def pair(begin):
    return begin(np.random.default_rng(0).random((40, 60)))


def signs(layer):
    return read_signs(layer).tolist()


def order(layer):
    return layer.features[ORDER].tolist()


def test_a_new_point_leaves_its_threshold_to_the_method(pair):
    pair.prompts.add([[10, 20], [30, 40]])
    assert np.isnan(read_thresholds(pair.prompts)).all()


def test_a_selected_point_hands_on_neither_sign_nor_threshold(controller, pair):
    pair.prompts.add([10, 20])
    write_threshold(pair.prompts, 0, 0.3)
    controller.state.foreground = False
    pair.prompts.selected_data = {0}
    pair.prompts.add([30, 40])
    assert signs(pair.prompts) == [True, False]
    assert read_thresholds(pair.prompts).tolist() == pytest.approx([0.3, np.nan], nan_ok=True)
    assert order(pair.prompts) == [1, 2]


def test_thresholds_stay_with_their_points_when_others_go(pair):
    pair.prompts.add([[10, 20], [30, 40], [20, 50]])
    write_threshold(pair.prompts, 2, 0.25)
    pair.prompts.selected_data = {0}
    pair.prompts.remove_selected()
    assert read_thresholds(pair.prompts).tolist() == pytest.approx([np.nan, 0.25], nan_ok=True)
    assert order(pair.prompts) == [2, 3]


@pytest.mark.parametrize("value", [-0.1, 1.5, np.inf, "much", None])
def test_what_cannot_be_a_threshold_counts_for_nothing(pair, value):
    pair.prompts.add([10, 20])
    table = pd.DataFrame({SIGN: ["bg"], THRESHOLD: pd.Series([value], dtype=object)})
    pair.prompts.features = table
    assert np.isnan(read_thresholds(pair.prompts)).all()
    assert signs(pair.prompts) == [False]


@pytest.mark.parametrize("columns", [{}, {SIGN: [np.nan]}, {SIGN: ["odd"]}, {"other": [7]}])
def test_a_table_that_was_replaced_is_completed(controller, pair, columns):
    pair.prompts.add([10, 20])
    pair.prompts.features = pd.DataFrame(columns, index=[0])
    controller.state.foreground = False
    pair.prompts.add([30, 40])
    assert signs(pair.prompts) == [True, False]
    assert order(pair.prompts) == [1, 2]
    assert "other" not in columns or pair.prompts.features["other"].iloc[0] == 7


def test_a_layer_that_was_emptied_takes_signs_and_thresholds_again(controller, pair):
    pair.prompts.add([10, 20])
    pair.prompts.data = np.zeros((0, 2))
    controller.state.foreground = False
    pair.prompts.add([[10, 20], [30, 40]])
    write_threshold(pair.prompts, 1, 0.5)
    assert signs(pair.prompts) == [False, False]
    assert read_thresholds(pair.prompts).tolist() == pytest.approx([np.nan, 0.5], nan_ok=True)


def test_points_that_were_copied_and_pasted_are_prompts_of_their_own(pair):
    pair.prompts.add([10, 20])
    write_threshold(pair.prompts, 0, 0.5)
    table = pd.concat([pair.prompts.features] * 2, ignore_index=True)
    pair.prompts.data = np.array([[10.0, 20], [30, 40]])
    pair.prompts.features = table
    assert read_thresholds(pair.prompts).tolist() == [0.5, 0.5]


def test_signs_differ_by_colour_and_by_symbol(pair):
    pair.prompts.add([[10, 20], [30, 40]])
    pair.prompts.features = pd.DataFrame({SIGN: ["fg", "bg"]})
    assert [str(symbol) for symbol in pair.prompts.symbol] == ["disc", "x"]
    assert len({tuple(colour) for colour in pair.prompts.face_color}) == 2


@pytest.mark.parametrize("zoomed", [0.4, 1, 6])
def test_colours_are_seen_however_far_one_zooms(make_napari_viewer, qtbot, zoomed):
    viewer = make_napari_viewer(show=True)
    image = viewer.add_image(np.zeros((300, 400)))
    points = make_prompts(image, "points", np.ones(2))
    points.add([150, 200])
    points.selected_data = set()
    viewer.add_layer(points)
    qtbot.wait(100)
    viewer.reset_view()
    camera = viewer.scene.camera if hasattr(viewer, "scene") else viewer.camera
    camera.zoom *= zoomed
    qtbot.wait(50)
    picture = viewer.screenshot(flash=False)[..., :3].astype(int)
    rows, columns = picture.shape[:2]
    around = picture[rows // 2 - 20 : rows // 2 + 20, columns // 2 - 20 : columns // 2 + 20]
    wanted = np.array([int(MARKS[True].colour[i : i + 2], 16) for i in (1, 3, 5)])
    coloured = (np.abs(around - wanted).sum(axis=2) < 60).sum()
    white = (around.min(axis=2) > 220).sum()
    assert coloured > 1.5 * white
    assert coloured >= 9


# Machado, Oliveira & Fernandes (2009), for colour vision that lacks one kind of cone
LACKING = {
    "red": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "green": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "blue": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
    "none": np.eye(3),
}


@pytest.mark.parametrize("lacking", LACKING)
def test_the_colours_differ_for_every_kind_of_colour_vision(lacking):
    from skimage.color import deltaE_ciede2000, rgb2lab

    def seen(colour):
        values = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
        linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
        linear = np.clip(np.array(LACKING[lacking]) @ linear, 0, 1)
        low, high = linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055
        return rgb2lab(np.where(linear <= 0.0031308, low, high))

    assert deltaE_ciede2000(seen(MARKS[True].colour), seen(MARKS[False].colour)) > 40


@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (7, 1, 1)])
def test_points_have_a_size_in_tiny_images(model, shape):
    image = model.add_image(np.zeros(shape))
    assert make_prompts(image, "tiny", np.ones(image.ndim)).current_size >= 1
