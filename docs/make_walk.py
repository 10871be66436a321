"""Walk through the window with mouse and keys, and draw the pictures of walk.md.

tox run -e walk
"""

from __future__ import annotations

import io
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import napari
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QAbstractButton, QComboBox, QScrollArea, QWidget
from skimage import color, data, filters, measure, morphology

from napari_m2n2 import Segmenter
from napari_m2n2.annotation.compute import Computer
from napari_m2n2.annotation.jobs import Settings
from napari_m2n2.annotation.preferences import Preferences
from napari_m2n2.viewer import preferences
from napari_m2n2.viewer.app import PLUGIN, WIDGET, add_file
from napari_m2n2.viewer.frame import COLOUR
from napari_m2n2.viewer.layers import OBJECT_COLOURS
from napari_m2n2.viewer.panels.fold import Fold, unfold
from napari_m2n2.viewer.samples import SAMPLES
from napari_m2n2.viewer.signs import MARKS
from napari_m2n2.viewer.why_layers import INNER_COLOUR, OUTER_COLOUR
from napari_m2n2.viewer.widget import SegmentationWidget

FOLDER = Path(__file__).parent / "images"
TESTS = Path(__file__).parents[1] / "tests" / "viewer"
sys.path.insert(0, str(TESTS))

from mouse import LEFT, PLAIN, Mouse  # noqa: E402
from views import camera_of  # noqa: E402

ALT = Qt.KeyboardModifier.AltModifier
CONTROL = Qt.KeyboardModifier.ControlModifier

WINDOW = (1560, 960)
"""Width and height of the window."""

WIDTH = 1400
"""Of the pictures."""

MOST_BYTES = 140_000
"""Of one picture; colours are given up until it has no more."""

MARKED = (
    *(mark.colour for mark in MARKS.values()),
    *OBJECT_COLOURS,
    COLOUR,
    INNER_COLOUR,
    OUTER_COLOUR,
    "#f4511e",
)
"""Colours that mean something, and of which there are too few pixels to be kept otherwise."""

_CLOSE = 60
"""How far the red, green and blue of a mark's pixel may be from its colour, added up."""

_ROOM = 0.76
"""Of the canvas, the share that an image fills."""

_PATIENCE = 300_000
"""In milliseconds, for one click."""


class Hand(Mouse):
    """A mouse and keys on the window."""

    def __init__(self, viewer: napari.Viewer) -> None:
        bot = SimpleNamespace(
            wait=QTest.qWait,
            mouseMove=QTest.mouseMove,
            mouseClick=QTest.mouseClick,
            mousePress=QTest.mousePress,
            mouseRelease=QTest.mouseRelease,
            keyClick=QTest.keyClick,
        )
        super().__init__(SimpleNamespace(__wrapped__=viewer), bot)

    def keys(self, keys: str) -> None:
        """Press letters on the canvas, one after the other."""
        for letter in keys:
            self.key(getattr(Qt.Key, f"Key_{letter}"))

    def press(self, button: QAbstractButton) -> None:
        """Click on a button, or on the mark of a switch."""
        show(button)
        QTest.mouseClick(button, LEFT, PLAIN, QPoint(12, button.height() // 2))

    def choose(self, box: QComboBox, value: object) -> None:
        """Go to an entry of a box with the arrow keys."""
        show(box)
        row = box.findData(value)
        key = Qt.Key.Key_Down if row > box.currentIndex() else Qt.Key.Key_Up
        while box.currentIndex() != row:
            QTest.keyClick(box, key)


class Walk:
    """A window, and the pictures taken of it.

    Parameters
    ----------
    folder : Path
        Where the pictures go; they are numbered on from those that it has.
    compute : Computer, optional
        What outlines in place of the real thing.
    """

    def __init__(self, folder: Path, compute: Computer | None = None) -> None:
        self._folder = folder
        self._compute = compute
        self.open()

    def open(self) -> None:
        """Open a window with the widget."""
        self.viewer = viewer = napari.Viewer()
        viewer.theme = "dark"
        self.hand = Hand(viewer)
        self._busy = False
        if self._compute is None:
            _, self.widget = viewer.window.add_plugin_dock_widget(PLUGIN, WIDGET)
        else:
            self.widget = SegmentationWidget(viewer, compute=self._compute)
            viewer.window.add_dock_widget(self.widget, name=f"{WIDGET} ({PLUGIN})")
        self.controller = self.widget.controller
        self.controller.busy.connect(self._on_busy)
        viewer.window.resize(*WINDOW)
        QTest.qWait(300)

    def close(self) -> None:
        """Close the window."""
        self.widget.close()
        self.viewer.close()

    def _on_busy(self, busy: bool) -> None:
        self._busy = busy

    @property
    def _works(self) -> bool:
        """Whether anything is under way."""
        widget = self.widget
        others = (widget.carrying, widget.everything.proposer, widget.measurer)
        return self._busy or any(one.busy for one in others)

    def begin(self, sample: str) -> None:
        """Open a sample."""
        self.viewer.open_sample(PLUGIN, sample)
        self.see_all()

    def add(self, image: NDArray[Any], **attributes: Any) -> None:
        """Add an image that is no sample."""
        self.viewer.add_image(image, **attributes)
        self.see_all()

    def see_all(self) -> None:
        """Show all of the image, and a little of what is around it."""
        self.hand.settle()
        camera_of(self.viewer).zoom *= _ROOM
        QTest.qWait(100)

    def wait(self) -> None:
        """Wait until all that was asked for is shown."""
        quiet = 0
        for _ in range(_PATIENCE // 50):
            QTest.qWait(50)
            quiet = 0 if self._works else quiet + 1
            if quiet == 6:  # what settles, such as contrast limits, begins a little later
                return
        raise TimeoutError("The window does not come to rest; see what its status says.")

    def click(self, *points: Sequence[float], modifier: Any = PLAIN) -> None:
        """Click on points, and wait for each outline."""
        for point in points:
            self.hand.click(point, modifier=modifier)
            self.wait()

    def look_at(self, centre: Sequence[float], across: float) -> None:
        """Zoom in, as the wheel of the mouse does."""
        camera = camera_of(self.viewer)
        camera.center = (0, *centre)
        camera.zoom *= self._across() / across
        QTest.qWait(100)

    def _across(self) -> float:
        """Return how much of the world lies between the left and the right of the canvas."""
        native = self.viewer.window._qt_viewer.canvas.native
        return float(native.width() / camera_of(self.viewer).zoom)

    def scroll_to(self, panel: QWidget) -> None:
        """Scroll the widget until the top of a panel is at its top."""
        show(panel)
        area = self.widget.findChild(QScrollArea)
        top = panel.parentWidget() if isinstance(panel.parentWidget(), Fold) else panel
        area.verticalScrollBar().setValue(top.y() - 4)

    def shoot(self, name: str, *, top: QWidget | None = None) -> None:
        """Save a picture of the window.

        Parameters
        ----------
        name : str
            What it shows, for the name of its file.
        top : widget, optional
            The panel at the top; by default the first.
        """
        self.scroll_to(self.widget.objects if top is None else top)
        QTest.qWait(150)
        pixels = self.viewer.screenshot(canvas_only=False, flash=False)
        number = len(list(self._folder.iterdir())) + 1
        path = self._folder / f"walk-{number:02d}-{name}.png"
        path.write_bytes(compressed(pixels))
        sys.stdout.write(f"{path.name}: {path.stat().st_size // 1000} kB\n")
        sys.stdout.flush()


def show(part: QWidget) -> None:
    """Show the panel of a part, and wait until it has its place."""
    if not part.isVisible():
        unfold(part)
        QTest.qWait(100)


def compressed(pixels: NDArray[np.uint8]) -> bytes:
    """Return a picture as a small PNG with a palette."""
    whole = Picture.fromarray(pixels[..., :3])
    height = round(whole.height * WIDTH / whole.width)
    whole = whole.resize((WIDTH, height), Picture.Resampling.BOX)
    for colours in range(224, 31, -16):
        small = with_marks(whole, whole.quantize(colours, kmeans=1, dither=Picture.Dither.NONE))
        file = io.BytesIO()
        small.save(file, "png", optimize=True)
        if file.tell() <= MOST_BYTES:
            break
    return file.getvalue()


def with_marks(whole: Picture.Image, small: Picture.Image) -> Picture.Image:
    """Give the pixels of marks their colours back, which are too few to be in the palette."""
    wanted = np.asarray(whole).astype(int)
    palette = np.array(small.getpalette()).reshape(-1, 3)
    indices = np.array(small)
    error = np.abs(wanted - palette[indices]).sum(axis=2)
    for mark in MARKED:
        colour = np.array([int(mark[i : i + 2], 16) for i in (1, 3, 5)])
        away = np.abs(wanted - colour).sum(axis=2)
        closer = (away < _CLOSE) & (away < error)
        error[closer] = away[closer]
        indices[closer] = len(palette)
        palette = np.concatenate([palette, [colour]])
    found = Picture.fromarray(indices)
    found.putpalette(palette.astype(np.uint8).tobytes())
    return found


# ---------------------------------------------------------------- images that are computed


def stains() -> NDArray[np.uint8]:
    """Return haematoxylin and DAB of the sample tissue as channels, (2, 512, 512)."""
    channels = np.moveaxis(color.rgb2hed(data.immunohistochemistry()), -1, 0)[::2]
    low, high = np.percentile(channels, (0.5, 99.8), axis=(1, 2), keepdims=True)
    return np.clip(255 * (channels - low) / (high - low), 0, 255).astype(np.uint8)


def large() -> NDArray[np.uint8]:
    """Return a fundus photograph as if taken by a camera with three times the pixels."""
    from cv2 import INTER_CUBIC, resize

    image = data.retina()
    side = 3 * image.shape[0]
    return resize(image, (side, side), interpolation=INTER_CUBIC)


def files(folder: Path) -> Path:
    """Write a cell and coins as image files into a folder, and return it."""
    folder.mkdir()
    for number, image in enumerate((data.cell(), data.coins()), 1):
        Picture.fromarray(image).save(folder / f"slide-{number}.png")
    return folder


def coins_by_threshold() -> NDArray[np.int32]:
    """Return coins as a threshold finds them, with their mistakes."""
    image = data.coins()
    mask = morphology.closing(image > filters.threshold_otsu(image), morphology.disk(1))
    large_enough = morphology.remove_small_objects(measure.label(mask), max_size=60)
    return large_enough.astype(np.int32)


def stand_in(_settings: Settings) -> Segmenter:
    """Return what outlines with `texture`, whatever backbone was chosen."""
    return Segmenter()


# ---------------------------------------------------------------- the steps


def prompts_and_reasons(walk: Walk) -> None:
    """Outline a gland with points, and see why it came out so."""
    hand, widget = walk.hand, walk.widget
    walk.begin("tissue")
    walk.shoot("open")
    hand.press(widget.objects.new)
    walk.click((200, 420))
    walk.shoot("first-click")
    walk.click((150, 120), modifier=ALT)
    walk.shoot("background")
    hand.keys("J")
    for _ in range(7 * widget.prompts.slider.value() // 10):
        QTest.keyClick(widget.prompts.slider, Qt.Key.Key_Left)
    walk.wait()
    walk.shoot("threshold")
    hand.press(widget.prompts.automatic)
    walk.wait()
    hand.keys("HW")
    walk.wait()
    walk.shoot("map", top=widget.status)
    hand.keys("W")
    walk.wait()
    walk.shoot("score", top=widget.status)
    hand.keys("WW")
    hand.press(widget.look.contour)
    walk.wait()
    walk.shoot("unsure", top=widget.status)


def shapes(walk: Walk) -> None:
    """Outline coins with a box, a scribble and a lasso."""
    walk.begin("coins")
    walk.hand.press(walk.widget.objects.new)
    walk.hand.keys("Q")
    walk.hand.drag((16, 304), (74, 368))
    walk.wait()
    walk.hand.keys("NQQ")
    walk.hand.drag((110, 262), (132, 282))
    walk.wait()
    walk.hand.keys("NQQQ")
    angles = np.linspace(0, 2 * np.pi, 13)
    walk.hand.drag(*np.stack([186 + 36 * np.sin(angles), 347 + 36 * np.cos(angles)], 1), steps=2)
    walk.wait()
    walk.shoot("box-scribble-lasso")
    table(walk)
    measured(walk)


def table(walk: Walk) -> None:
    """Name the coins, say how far they are, and open one again."""
    controller, panel = walk.controller, walk.widget.table
    walk.hand.keys("N")
    walk.wait()
    controller.rename(1, "the bright one")
    panel.select([3])
    walk.hand.press(panel.marks["flagged"])
    panel.select([2])
    walk.hand.press(panel.reopen)
    walk.wait()
    walk.shoot("table", top=walk.widget.status)


def measured(walk: Walk) -> None:
    """Ask which method suits the three coins."""
    walk.hand.keys("N")
    walk.wait()
    panel = walk.widget.measure
    show(panel)
    panel.clicks.setValue(3)
    walk.hand.press(panel.measure)
    walk.wait()
    walk.shoot("measured", top=panel)


def existing_label(walk: Walk) -> None:
    """Mend one label of a label image that another program made."""
    walk.begin("coins")
    labels = walk.viewer.add_labels(coins_by_threshold(), name="coins by threshold")
    walk.hand.keys("L")
    walk.hand.click((262, 172))
    walk.viewer.layers.selection.active = labels
    walk.shoot("labels-of-another-program")
    walk.hand.press(walk.widget.objects.refine)
    walk.click((273, 171), (266, 190))
    walk.shoot("refined")


def regions(walk: Walk) -> None:
    """Part a plane into regions, and make objects of two of them."""
    walk.begin("coffee")
    panel = walk.widget.everything
    walk.hand.press(panel.button)
    walk.wait()
    panel.level.setValue(12)
    walk.click((160, 285), (215, 405))
    walk.shoot("regions", top=panel)


def what_the_model_sees(walk: Walk) -> None:
    """Choose the contrast and look at what the model is given."""
    walk.begin("cell")
    walk.viewer.layers["cell"].contrast_limits = (40, 160)
    walk.hand.press(walk.widget.objects.new)
    walk.click((375, 425))
    walk.hand.press(walk.widget.image_panel.show_image)
    walk.wait()
    walk.viewer.layers["cell"].visible = False
    walk.shoot("seen-by-the-model", top=walk.widget.status)


def channels(walk: Walk) -> None:
    """Give the model the channels of an axis as colours."""
    walk.add(stains(), name="stains")
    walk.hand.choose(walk.widget.image_panel.channels.ways, 0)
    walk.hand.press(walk.widget.image_panel.show_image)
    walk.hand.press(walk.widget.objects.new)
    walk.click((400, 315), (460, 330), (350, 300))
    walk.click((330, 220), modifier=ALT)
    walk.shoot("channels", top=walk.widget.status)


def planes(walk: Walk) -> None:
    """Outline a cell in a slice and carry it on, another from the side; then look in 3D."""
    walk.begin("cells")
    walk.viewer.dims.set_current_step(0, 12)
    walk.hand.press(walk.widget.objects.new)
    walk.click((52, 60))
    walk.shoot("slice")
    walk.hand.press(walk.widget.volume.carry)
    walk.wait()
    walk.viewer.dims.set_current_step(0, 6)
    walk.shoot("carried-on", top=walk.widget.volume)
    QTest.keyClick(walk.hand._canvas.native, Qt.Key.Key_E, CONTROL)
    walk.viewer.dims.set_current_step(walk.viewer.dims.order[0], 52)
    walk.see_all()
    walk.click(side_point(walk))
    walk.shoot("from-the-side")
    QTest.keyClick(walk.hand._canvas.native, Qt.Key.Key_Y, CONTROL)
    walk.wait()
    walk.shoot("three-dimensions")


def side_point(walk: Walk) -> tuple[float, float]:
    """Return a point in the fourth cell, as it is seen now."""
    centre = np.array([15, 118, 52]) * SAMPLES["cells"].scale
    first, second = walk.viewer.dims.displayed
    return float(centre[first]), float(centre[second])


def large_planes(walk: Walk) -> None:
    """Outline all of a large plane, reduced; then what is in view of it."""
    walk.add(large(), name="fundus, large")
    walk.hand.press(walk.widget.objects.new)
    disc = np.array([655.0, 245.0]) * 3
    walk.click(disc)
    walk.shoot("reduced", top=walk.widget.status)
    walk.look_at(disc, 750)
    walk.hand.choose(walk.widget.image_panel.region.regions, "view")
    walk.wait()
    walk.shoot("in-view", top=walk.widget.status)


def sessions(walk: Walk) -> None:
    """Go through a folder; close the window in the middle of it, and go on."""
    with tempfile.TemporaryDirectory() as folder:
        images = files(Path(folder) / "slides")
        walk.widget.walking.go_through(images)
        walk.see_all()
        walk.click((375, 425))
        walk.hand.press(walk.widget.session.finish)
        walk.see_all()
        for point in ((123, 270), (186, 347)):
            walk.click(point)
            walk.hand.keys("N")
        walk.click((45, 335))
        walk.shoot("next-image", top=walk.widget.session)
        walk.close()
        walk.open()
        add_file(walk.viewer, images / "slide-2.png")
        walk.see_all()
        walk.hand.press(walk.widget.session.resume)
        walk.wait()
        walk.shoot("gone-on", top=walk.widget.table)


def banner(walk: Walk) -> None:
    """Choose a large model on a computer without a GPU."""
    walk.begin("fundus")
    walk.controller.state.settings = Settings(backbone="stable-diffusion-2", device="cpu")
    walk.hand.press(walk.widget.objects.new)
    walk.click((235, 225))
    walk.shoot("banner")


def light_theme(walk: Walk) -> None:
    """Look at all of it in napari's light theme."""
    walk.viewer.theme = "light"
    walk.begin("coffee")
    walk.hand.press(walk.widget.objects.new)
    walk.click((160, 285), (120, 270))
    walk.click((60, 60), modifier=ALT)
    walk.shoot("light")


STEPS = (
    prompts_and_reasons,
    shapes,
    existing_label,
    regions,
    what_the_model_sees,
    channels,
    planes,
    large_planes,
    sessions,
    banner,
    light_theme,
)


def warm_up() -> None:
    """Load and compile what the first click of all would wait for."""
    segmenter = Segmenter()
    segmenter.set_image(data.coins())
    for count in (1, 2):
        segmenter.segment([(123, 270), (90, 270)][:count], [True, False][:count])


def main(names: Iterable[str] = ()) -> None:
    """Walk, all steps or those that are named, and put the pictures in place of the old ones."""
    preferences.read = Preferences  # whoever walks may have chosen others
    warm_up()
    steps = [step for step in STEPS if not names or step.__name__ in names]
    with tempfile.TemporaryDirectory() as folder:
        for step in steps:
            walk = Walk(Path(folder), Computer(stand_in) if step is banner else None)
            try:
                step(walk)
            finally:
                walk.close()
        FOLDER.mkdir(exist_ok=True)
        if not names:
            for old in FOLDER.glob("walk-*.png"):
                old.unlink()
        for new in sorted(Path(folder).glob("*.png")):
            (FOLDER / new.name).write_bytes(new.read_bytes())


if __name__ == "__main__":
    main(sys.argv[1:])
