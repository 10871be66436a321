"""Real windows of napari with a method that draws discs, so that tests know what to expect."""

from __future__ import annotations

import os
import threading
from types import SimpleNamespace

import numpy as np
import pytest

from napari_m2n2.annotation.compute import Computer
from napari_m2n2.annotation.newest import run_now
from napari_m2n2.progress import ignore
from napari_m2n2.viewer.display import has_display

RADIUS = 4


@pytest.fixture(scope="session", autouse=True)
def _needs_a_display():
    """Fail rather than skip: a suite without its window tests looks green and proves nothing."""
    platform = os.environ.get("QT_QPA_PLATFORM", "")
    if not has_display() or platform.startswith(("offscreen", "minimal")):
        pytest.fail(
            "The window tests need a display that can draw; run them with "
            "'python -m napari_m2n2.viewer.display python -m pytest tests/viewer'.",
            pytrace=False,
        )


@pytest.fixture(autouse=True)
def _default_preferences(monkeypatch):
    """Do not let the settings of whoever runs the tests have a say."""
    from napari_m2n2.annotation.preferences import Preferences

    monkeypatch.setattr("napari_m2n2.viewer.preferences.read", Preferences)


class Discs:
    """A method that draws a disc around each foreground point, and none around background.

    Attributes
    ----------
    images : list of (array, contrast)
        What it was given, by all segmenters.
    clicks : list of (points, labels)
        What was asked of them.
    gate : threading.Event
        While it is clear, segmenting waits; reports go on.
    trouble : list of Exception
        Raised one after the other.
    starts : list of ((H, W) bool array or None)
        The masks that segmenting began with.
    drafts : list of bool
        Whether a draft was asked for.
    shift : int
        How many rows further down it draws.
    """

    def __init__(self):
        self.images = []
        self.clicks = []
        self.settings = []
        self.gate = threading.Event()
        self.gate.set()
        self.waiting = threading.Event()
        self.trouble = []
        self.starts = []
        self.drafts = []
        self.shift = 0

    def create(self, settings):
        self.settings.append(settings)
        return _DiscSegmenter(self, settings)


class _DiscSegmenter:
    def __init__(self, discs, settings):
        self._discs = discs
        self.grid = (settings.grid or 64,) * 2
        self.device = "cpu"

    def set_image(self, image, *, contrast=None, progress=ignore):
        progress("attention", 0.0)
        self._discs.images.append((image, contrast))
        self._shape = image.shape[:2]
        self.rgb = np.full((*self._shape, 3), 0.25, np.float32)

    def distance_maps(self, points, *, progress=ignore):
        return np.stack([np.minimum(away(self._shape, point) / 40, 1) for point in points])

    def segment(self, points, labels, *, mask=None, draft=False, progress=ignore, **more):
        self._discs.clicks.append((points, labels))
        self._discs.starts.append(None if mask is None else mask[0])
        self._discs.drafts.append(draft)
        while not self._discs.gate.wait(0.005):
            self._discs.waiting.set()
            progress("Markov map", 0.5)
        if self._discs.trouble:
            raise self._discs.trouble.pop(0)
        mask = np.zeros(self._shape, bool)
        for wanted in (True, False):
            for point in points[labels == wanted]:
                mask[disc(self._shape, np.add(point, (self._discs.shift, 0)))] = wanted
        thresholds = np.full(len(points), 0.5)
        nearest = [away(self._shape, point) for point in points[labels]]
        depth = 1 - np.min(nearest, axis=0) / RADIUS if nearest else np.full(self._shape, -1)
        score = np.clip(depth, -1, 1).astype(np.float32)
        return SimpleNamespace(mask=mask, score=score, timings={}, thresholds=thresholds)


def away(shape, point):
    """Return how far each pixel is from a point: (H, W) float32."""
    rows, columns = np.indices(shape)
    return np.hypot(rows - point[0], columns - point[1]).astype(np.float32)


def disc(shape, *centres):
    """Return what the method draws for foreground points: (H, W) bool."""
    rows, columns = np.indices(shape)
    mask = np.zeros(shape, bool)
    for row, column in centres:
        # a little more than the radius: transforms give 20.000000001 for 20
        mask |= (rows - row) ** 2 + (columns - column) ** 2 <= RADIUS**2 + 1e-6
    return mask


@pytest.fixture
def discs():
    return Discs()


@pytest.fixture
def viewer(make_napari_viewer_proxy):
    """A viewer as plugins get it."""
    return make_napari_viewer_proxy()


@pytest.fixture
def widget(viewer, discs):
    """The widget, docked, working at once instead of in a thread."""
    return dock(viewer, discs, runner=run_now)


@pytest.fixture
def threaded(viewer, discs, qtbot):
    """The widget, docked, working in a thread as it does for users."""
    widget = dock(viewer, discs)
    controller = widget.controller
    yield widget
    discs.gate.set()
    controller.close()
    qtbot.waitUntil(lambda: not controller._outliner.busy, timeout=5000)


def dock(viewer, discs, **options):
    from napari_m2n2.viewer.widget import SegmentationWidget

    widget = SegmentationWidget(viewer, compute=Computer(discs.create), **options)
    viewer.window.add_dock_widget(widget, name="M2N2")
    return widget


@pytest.fixture
def pair(viewer, widget):
    """An object in a 2D image, 40 x 60, in a real window."""
    data = np.random.default_rng(0).random((40, 60))
    widget.image = viewer.__wrapped__.add_image(data, name="noise")
    return widget.controller.new_pair(widget.image)


class Screen:
    """Remembers what the controller shows."""

    text = ""
    failed = False

    def show(self, controller):
        controller.said.connect(self._say)

    def _say(self, text, failed):
        self.text, self.failed = text, failed


@pytest.fixture
def model():
    """A viewer without a window, for what has nothing to do with one: a hundred times faster."""
    from napari.components import ViewerModel

    return ViewerModel()


@pytest.fixture
def screen():
    return Screen()


@pytest.fixture
def controller(model, screen, discs):
    from napari_m2n2.viewer.controller import Controller

    controller = Controller(model, compute=Computer(discs.create), runner=run_now)
    screen.show(controller)
    yield controller
    controller.close()


@pytest.fixture
def begin(model, controller):
    """Add an image to the viewer without a window and begin an object in it."""

    def begin(data, **attributes):
        return controller.new_pair(model.add_image(data, **attributes))

    return begin
