"""The dock widget: lays its panels out, and closes. What it does is in `controller`."""

# no `from __future__ import annotations`: napari reads the annotation of the constructor

from typing import TYPE_CHECKING

from napari.layers import Image
from qtpy.compat import isalive
from qtpy.QtCore import QEvent, QSize, Qt, QTimer
from qtpy.QtGui import QCloseEvent, QShowEvent
from qtpy.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from napari_m2n2.annotation.newest import Compute, Runner
from napari_m2n2.viewer import preferences
from napari_m2n2.viewer.carrying import Carrying
from napari_m2n2.viewer.connections import Connections
from napari_m2n2.viewer.controller import Controller
from napari_m2n2.viewer.keeping import Keeping
from napari_m2n2.viewer.measuring import Measurer
from napari_m2n2.viewer.overlays import Overlays
from napari_m2n2.viewer.panels.advanced import AdvancedPanel
from napari_m2n2.viewer.panels.everything import EverythingPanel
from napari_m2n2.viewer.panels.export import ExportPanel
from napari_m2n2.viewer.panels.fold import Fold
from napari_m2n2.viewer.panels.image import ImagePanel
from napari_m2n2.viewer.panels.key_list import KeysPanel
from napari_m2n2.viewer.panels.look import LookPanel
from napari_m2n2.viewer.panels.measure import MeasurePanel
from napari_m2n2.viewer.panels.objects import ObjectsPanel
from napari_m2n2.viewer.panels.prompts import PromptsPanel
from napari_m2n2.viewer.panels.session import SessionPanel
from napari_m2n2.viewer.panels.stack import StackPanel
from napari_m2n2.viewer.panels.status import StatusPanel
from napari_m2n2.viewer.panels.table import TablePanel
from napari_m2n2.viewer.panels.volume import VolumePanel
from napari_m2n2.viewer.state import State
from napari_m2n2.viewer.walking import Walking
from napari_m2n2.viewer.worker import run_in_thread

if TYPE_CHECKING:
    import napari.viewer


class _PanelArea(QScrollArea):
    """Never narrower than what it holds, so that it need only be scrolled down."""

    def minimumSizeHint(self) -> QSize:
        """Return the room for the widest panel and the bar."""
        width = self.widget().minimumSizeHint().width()
        return QSize(width + self.verticalScrollBar().sizeHint().width(), 120)

    # by no event filter: one in Python may be freed by the garbage collector while Qt is in it,
    # once its window is closed
    def showEvent(self, event: QShowEvent) -> None:
        """Take note of the room that is needed in napari's style."""
        super().showEvent(event)
        self.make_room()

    def changeEvent(self, event: QEvent) -> None:
        """Take note of panels that need other room in another style or font."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.StyleChange, QEvent.Type.FontChange):
            self.make_room()

    def make_room(self, _shown: object = None) -> None:
        """Have the dock ask again how much room is needed."""
        self.updateGeometry()


class SegmentationWidget(QWidget):
    """Outline objects from prompts.

    Parameters
    ----------
    napari_viewer : napari viewer
    compute, runner
        See `napari_m2n2.viewer.controller.Controller`.

    Attributes
    ----------
    controller : Controller
    overlays : Overlays
    objects, prompts, status, keys, volume, stack, image_panel, look, export, advanced, measure
        The panels.
    """

    def __init__(
        self,
        napari_viewer: "napari.viewer.Viewer",
        *,
        compute: Compute | None = None,
        runner: Runner = run_in_thread,
    ) -> None:
        super().__init__()
        # so that Qt frees its parts in the thread of the window, whoever still knows of them
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        preferred = preferences.read()
        state = State.from_preferences(preferred)
        self.controller = Controller(napari_viewer, state, compute=compute, runner=runner)
        self.keeping = Keeping.from_preferences(self.controller, preferred)
        self.walking = Walking(self.controller, self.keeping)
        self.overlays = Overlays(napari_viewer, self.controller)
        self.objects = ObjectsPanel(self.controller)
        self.prompts = PromptsPanel(self.controller)
        self.keys = KeysPanel()
        self.status = StatusPanel(self.controller)
        self.table = TablePanel(self.controller)
        self.session = SessionPanel(self.keeping, self.walking)
        self.carrying = Carrying(self.controller, compute, runner)
        self.volume = VolumePanel(self.controller, self.carrying)
        self.stack = StackPanel(self.controller, runner)
        self.image_panel = ImagePanel(self.controller)
        self.look = LookPanel(self.controller)
        self.everything = EverythingPanel(self.controller, runner)
        self.export = ExportPanel(self.controller, runner)
        self.advanced = AdvancedPanel(self.controller)
        self.measurer = Measurer(self.controller, runner)
        self.measure = MeasurePanel(self.measurer)
        self._lay_out()
        self._connections = Connections()
        layers = napari_viewer.layers.events
        for emitter in (layers.inserted, layers.removed, layers.renamed):
            self._connections.connect(emitter, self.reset_choices)
        self._owners = (
            self._connections,
            self.overlays,
            self.volume.connections,
            self.carrying,
            self.measurer,
            self.export.exporter,
            self.everything.proposer,
            self.stack.encoder,
            self.keeping,
            self.controller,
        )
        # a dock may be deleted without being closed, or closed without being deleted
        for owner in self._owners:
            self.destroyed.connect(owner.close)
        self.controller.look()

    def _lay_out(self) -> None:
        """Put the panels below one another, those that are needed now and then folded away."""
        area = _PanelArea()
        panels = QWidget()
        column = QVBoxLayout(panels)
        column.addWidget(self.session.offer)  # before a click begins another session
        often = (self.objects, self.prompts, self.status, self.table, self.session)
        for panel in often:
            column.addWidget(panel)
        for panel in (
            self.keys,
            self.volume,
            self.stack,
            self.everything,
            self.look,
            self.image_panel,
            self.advanced,
            self.export,
            self.measure,
        ):
            fold = Fold(panel)
            fold.title.toggled.connect(area.make_room)
            column.addWidget(fold)
        column.addStretch(1)
        area.setWidget(panels)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(area)

    @property
    def image(self) -> Image | None:
        """The image chosen, if there is one."""
        return self.objects.image

    @image.setter
    def image(self, image: Image) -> None:
        self.objects.image = image

    def reset_choices(self, _event: object = None) -> None:
        """List the layers of the viewer; napari calls it too."""
        self.objects.reset_choices()
        self.image_panel.reset_choices()
        self.measure.reset_choices()

    def changeEvent(self, event: QEvent) -> None:
        """Close once it is taken out of its dock; the cross of a dock does no more than that."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.ParentChange and self.parent() is None:
            # it may be docked elsewhere at once
            QTimer.singleShot(0, self._close_if_left)

    def _close_if_left(self) -> None:
        """Close if nobody shows it."""
        if isalive(self) and self.parent() is None and not self.isVisible():
            self.close()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Call off all work and let go of the viewer."""
        for owner in self._owners:
            owner.close()
        super().closeEvent(event)
