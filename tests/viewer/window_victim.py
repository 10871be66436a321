"""A window to be killed: ``python window_victim.py IMAGE``.

Somebody opens an image, goes on with its session if there is one, and annotates with mouse and
keys: two clicks and a commit for each object. The number of each thing that is about to be done is
told, and the next one is done as soon as the last one is on the disk.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

from napari_m2n2.annotation.objects import AnnotatedObject
from napari_m2n2.annotation.places import session_path
from napari_m2n2.annotation.session import Session, read_session

SIZE = (100, 160)
ACTS = 3 * 28
"""More than anybody does before being killed."""


def places(number: int) -> list[tuple[int, int]]:
    """Return where the two clicks of an object go, from 0."""
    row, column = divmod(number, 7)
    return [(14 + 22 * row, 11 + 22 * column), (14 + 22 * row, 16 + 22 * column)]


def points_of(known: AnnotatedObject | None) -> list[tuple[float, float]]:
    """Return the points of an object in a session, (row, column)."""
    records = () if known is None else known.records.values()
    return [(point.row, point.column) for record in records for point in record.points]


def acts_in(session: Session) -> int:
    """Return how many things were done until a session was what it is."""
    return 3 * len(session.objects) + len(points_of(session.work))


def acts_on_disk(image: Path) -> int:
    """Return how many things are on the disk."""
    path = session_path(image)
    return acts_in(read_session(path)) if path.exists() else 0


def main(image: Path) -> None:
    """Annotate until killed."""
    import napari
    from conftest import Discs
    from mouse import LEFT, Mouse
    from qtpy.QtCore import Qt
    from qtpy.QtTest import QTest

    from napari_m2n2.annotation.compute import Computer
    from napari_m2n2.viewer.app import add_file
    from napari_m2n2.viewer.widget import SegmentationWidget

    viewer = napari.Viewer()
    add_file(viewer, image)
    widget = SegmentationWidget(viewer, compute=Computer(Discs().create))
    viewer.window.add_dock_widget(widget)
    bot = SimpleNamespace(
        wait=QTest.qWait,
        mouseMove=QTest.mouseMove,
        mouseClick=QTest.mouseClick,
        keyClick=QTest.keyClick,
    )
    mouse = Mouse(SimpleNamespace(__wrapped__=viewer), bot)
    mouse.settle()
    panel = widget.session
    button = panel.resume if panel.offer.isVisible() else widget.objects.new
    QTest.mouseClick(button, LEFT)
    for number in range(acts_on_disk(image), ACTS):
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()
        known, step = divmod(number, 3)
        if step < 2:
            mouse.click(places(known)[step])
        else:
            mouse.key(Qt.Key.Key_N)
        while acts_on_disk(image) <= number:
            QTest.qWait(5)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
