"""The dock widget itself."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QScrollArea

from napari_m2n2.annotation.compute import Computer
from napari_m2n2.viewer import keys
from napari_m2n2.viewer.panels.fold import Fold, unfold

from .conftest import dock, run_now


def test_without_an_image_it_opens_and_says_what_to_do(widget):
    assert widget.status.text.text() == "Open an image to begin."
    assert not widget.objects.new.isEnabled()
    assert widget.image is None
    assert widget.controller.new_pair(widget.image) is None


@pytest.mark.parametrize("ndisplay", [2, 3])
def test_it_opens_beside_any_layers(viewer, discs, ndisplay):
    model = viewer.__wrapped__
    model.add_image(np.zeros((4, 5, 6)))
    model.add_labels(np.zeros((4, 5, 6), int))
    model.add_points(np.zeros((2, 3)))
    model.dims.ndisplay = ndisplay
    widget = dock(viewer, discs, runner=run_now)
    assert widget.objects.images.count() == 1
    assert widget.status.text.text().startswith("Choose an image")


def test_images_come_go_and_change_their_names(viewer, widget):
    model = viewer.__wrapped__
    first = model.add_image(np.zeros((4, 5)), name="first")
    second = model.add_image(np.zeros((4, 5)), name="second")
    model.add_labels(np.zeros((4, 5), int))
    images = widget.objects.images
    assert [images.itemText(i) for i in range(images.count())] == ["first", "second"]
    widget.image = second
    first.name = "renamed"
    assert widget.objects.images.itemText(0) == "renamed"
    assert widget.image is second
    model.layers.remove(first)
    assert widget.image is second
    model.layers.remove(second)
    assert widget.image is None


def test_two_images_of_the_same_name_are_told_apart(viewer, widget):
    model = viewer.__wrapped__
    model.add_image(np.zeros((4, 5)), name="a")
    second = model.add_image(np.zeros((6, 7)), name="a")
    widget.image = second
    assert widget.controller.new_pair(widget.image).image is second


def test_the_button_begins_objects_ready_for_clicks(viewer, widget, qtbot):
    viewer.__wrapped__.add_image(np.zeros((40, 60)), name="a")
    for number in (1, 2, 3):
        qtbot.mouseClick(widget.objects.new, Qt.MouseButton.LeftButton)
        (pair,) = widget.controller.pairs
        assert viewer.layers.selection.active == pair.prompts
        assert pair.prompts.mode == "add"
        assert pair.labels.selected_label == number
        pair.prompts.add([10 * number, 20])
    assert [layer.name for layer in viewer.layers] == ["a", "a: labels", "a: prompts"]


def press(layer, key):
    """Press a key as napari does once it has found it on a layer."""
    (action,) = (f for binding, f in layer.keymap.items() if str(binding) == key)
    action(layer)


@pytest.mark.parametrize("which", ["prompts", "labels"])
def test_the_key_and_the_switch_say_the_same(pair, widget, which):
    layer = getattr(pair, which)
    press(layer, "G")
    assert widget.prompts.background.isChecked()
    assert not widget.controller.state.foreground
    press(layer, "G")
    assert widget.prompts.foreground.isChecked()
    widget.prompts.background.setChecked(True)
    press(layer, "G")
    assert widget.prompts.foreground.isChecked()


def test_all_keys_do_what_they_say(pair, widget):
    pair.prompts.add([10, 20])
    press(pair.prompts, "U")
    assert len(pair.prompts.data) == 0
    pair.prompts.add([10, 20])
    press(pair.labels, "N")
    assert [known.id for known in widget.controller.table] == [1]
    press(pair.prompts, "Ctrl+Z")
    assert len(pair.prompts.data) == 1
    press(pair.shapes, "Ctrl+Shift+Z")
    assert len(pair.prompts.data) == 0
    press(pair.labels, "Ctrl+Z")
    assert not pair.labels.data.any()
    assert not len(widget.controller.table)
    press(pair.labels, "Ctrl+Shift+Z")
    assert [known.id for known in widget.controller.table] == [1]


def test_keys_are_free_in_napari(viewer):
    """No layer and no viewer of napari has a key of ours already."""
    from napari.layers import Image, Labels, Points, Shapes
    from napari.utils.action_manager import action_manager
    from napari.utils.key_bindings import KeyBinding

    ours = {str(KeyBinding.from_str(key.key)) for key in keys.KEYS}
    taken = {
        str(binding) for layer in (Image, Labels, Points, Shapes) for binding in layer.class_keymap
    }
    for shortcuts in action_manager._shortcuts.values():
        taken |= {str(shortcut) for shortcut in shortcuts}
    assert taken
    assert not ours & taken


def test_the_sign_holds_for_the_next_object(pair, widget):
    widget.prompts.background.setChecked(True)
    widget.controller.new_pair(pair.image)
    pair.prompts.add([10, 20])
    assert pair.prompts.features["label"].tolist() == ["bg"]


def test_turning_to_another_image_shows_how_it_stands(viewer, pair, widget):
    pair.prompts.add([[10, 20], [12, 22]])
    widget.controller.new_pair(viewer.__wrapped__.add_image(np.zeros((40, 60))))
    assert "Click on the object" in widget.status.text.text()
    viewer.layers.selection.active = pair.labels
    assert "Outlined from 2 points" in widget.status.text.text()


def test_backbones_that_are_not_ready_cannot_be_chosen(viewer, discs, monkeypatch):
    from napari_m2n2.attention import registry

    monkeypatch.setattr(registry, "names", lambda: ("texture", "absent"))
    known = registry.status("texture")
    absent = registry.BackboneStatus("absent", ready=False, reason="its weights are missing")
    monkeypatch.setattr(registry, "status", lambda name: absent if name == "absent" else known)
    widget = dock(viewer, discs, runner=run_now)
    model = widget.advanced.backbone.model()
    assert model.item(0).isEnabled()
    assert not model.item(1).isEnabled()
    assert model.item(1).toolTip() == "its weights are missing"


def test_closing_gives_back_events_and_keys(viewer, pair, widget):
    widget.close()
    assert not pair.prompts.keymap
    assert not pair.labels.keymap
    for emitter in (pair.prompts.events.features, pair.labels.events.paint):
        assert not any("napari_m2n2" in repr(callback) for callback in emitter.callbacks)
    pair.prompts.add([10, 20])
    assert not pair.labels.data.any()


def test_after_closing_what_was_shown_is_a_step_and_can_be_gone_on_with(
    viewer, pair, widget, discs
):
    pair.prompts.add([10, 20])
    widget.controller.commit()
    pair.prompts.add([30, 50])
    both = pair.labels.data.copy()
    widget.close()
    assert np.array_equal(pair.labels.data, both)
    again = dock(viewer, discs, runner=run_now)
    other = again.controller.new_pair(pair.image)
    assert other.labels is pair.labels
    assert [known.id for known in again.controller.table] == [1, 2]
    assert again.controller.at_work == 3
    pair.labels.undo()
    assert np.array_equal(pair.labels.data, np.where(both == 1, 1, 0))


def test_opening_it_loads_no_model_library():
    import subprocess
    import sys

    code = (
        "import sys, napari_m2n2.viewer.widget; "
        "print([m for m in ('torch', 'diffusers', 'transformers', 'napari_m2n2.segmenter') "
        "if m in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert answer.stdout.strip() == "[]", answer.stderr


def test_panels_that_are_needed_now_and_then_are_folded_away(widget, qtbot):
    """What a click needs fits on a laptop; no panel makes the dock wider than what it needs."""
    (area,) = widget.findChildren(QScrollArea)
    folded = [fold.title for fold in widget.findChildren(Fold)]
    assert [title.text() for title in folded][:3] == ["Keys", "Through the stack", "Stack"]
    assert not widget.measure.isVisibleTo(widget)
    room = area.widget().minimumSizeHint()
    assert room.height() < 1300
    for title in folded:
        qtbot.mouseClick(title, Qt.MouseButton.LeftButton)
    assert widget.measure.isVisibleTo(widget)
    assert area.widget().minimumSizeHint().width() <= room.width() + 16
    for title in folded:
        qtbot.mouseClick(title, Qt.MouseButton.LeftButton)
    assert not widget.measure.isVisibleTo(widget)
    unfold(widget.look.contour)
    assert widget.look.isVisibleTo(widget)


def test_the_tab_key_goes_down_the_widget(model, discs, qtbot):
    """In the order in which the parts are read: from top to bottom, then from left to right."""
    from qtpy.QtCore import QPoint

    from napari_m2n2.viewer.widget import SegmentationWidget

    model.add_image(np.zeros((40, 60)))
    widget = SegmentationWidget(model, compute=Computer(discs.create), runner=run_now)
    qtbot.addWidget(widget)
    pair = widget.controller.new_pair(widget.image)
    pair.prompts.add([[10, 20], [12, 22]])
    widget.resize(320, 1200)
    for fold in widget.findChildren(Fold):
        fold.title.setChecked(True)
    widget.grab()  # which lays it out
    panels = widget.findChild(QScrollArea).widget()
    parts = [panels]
    while (part := parts[-1].nextInFocusChain()) is not parts[0]:
        parts.append(part)
    stops = [
        part
        for part in parts
        if part.focusPolicy() & Qt.FocusPolicy.TabFocus
        and part.isVisibleTo(panels)
        and panels.isAncestorOf(part)
        and part.isEnabled()
    ]
    assert len(stops) > 20
    middles = [part.mapTo(panels, QPoint(0, part.height() // 2)).y() for part in stops]
    lefts = [part.mapTo(panels, QPoint(0, 0)).x() for part in stops]
    for place in range(1, len(stops)):
        same_row = abs(middles[place] - middles[place - 1]) < 8
        assert same_row or middles[place] > middles[place - 1], stops[place - 1 : place + 1]
        assert not same_row or lefts[place] > lefts[place - 1], stops[place - 1 : place + 1]
    for part in stops:
        assert part.toolTip() or part.accessibleName() or getattr(part, "text", str)(), part
