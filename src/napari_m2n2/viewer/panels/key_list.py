"""The list of keys."""

from __future__ import annotations

from qtpy.QtWidgets import QGroupBox, QLabel, QVBoxLayout

from napari_m2n2.viewer.keys import KEYS


class KeysPanel(QGroupBox):
    """Which key does what."""

    def __init__(self) -> None:
        super().__init__("Keys")
        rows = "".join(
            f"<tr><td><b>{key.key}</b>&nbsp;&nbsp;</td><td>{key.title}</td></tr>" for key in KEYS
        )
        self.text = QLabel(f"<table>{rows}</table>")
        self.text.setToolTip("These keys work while a layer of the object is the active one.")
        QVBoxLayout(self).addWidget(self.text)
