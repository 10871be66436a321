from __future__ import annotations

import pytest

from napari_m2n2.annotation.overlays import RANGES
from napari_m2n2.viewer.panels.look import LookPanel


@pytest.fixture
def panel(controller, qtbot):
    panel = LookPanel(controller)
    qtbot.addWidget(panel)
    panel.show()
    return panel


def test_it_shows_the_state_and_sets_it(panel, controller):
    state = controller.state
    assert panel.overlay.currentData() == state.overlay == "none"
    assert not panel.legend.isVisible()
    panel.overlay.setCurrentIndex(panel.overlay.findData("score"))
    panel.contour.click()
    panel.opacity.setValue(80)
    assert (state.overlay, state.contour, state.opacity) == ("score", True, 0.8)
    state.overlay, state.contour, state.opacity = "map", False, 0.3
    assert panel.overlay.currentData() == "map"
    assert not panel.contour.isChecked()
    assert panel.opacity.value() == 30


@pytest.mark.parametrize("overlay", RANGES)
def test_every_overlay_can_be_chosen_and_has_a_legend(panel, controller, overlay):
    panel.overlay.setCurrentIndex(panel.overlay.findData(overlay))
    assert controller.state.overlay == overlay
    assert panel.legend.isVisible()
    assert panel.legend.low.text()
    assert panel.legend.low.text() != panel.legend.high.text()
    picture = panel.legend.grab().toImage()
    ends = [picture.pixelColor(x, picture.height() // 2) for x in ends_of(panel)]
    assert ends[0] != ends[1]


def ends_of(panel):
    left = panel.legend.low.geometry().right() + 10
    right = panel.legend.high.geometry().left() - 10
    return left, right


def test_the_key_turns_the_box_over(panel, controller):
    controller.next_overlay()
    assert panel.overlay.currentData() == "map"
