"""Parts that fit into a narrow dock."""

from __future__ import annotations

from qtpy.QtWidgets import QComboBox, QSizePolicy


def narrow_box() -> QComboBox:
    """Make a box to choose from that takes the width there is, however long its texts are."""
    box = QComboBox()
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(1)
    box.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    return box
