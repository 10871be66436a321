"""What was made in the window with the real engine is made once more by `napari-m2n2 replay`."""

from __future__ import annotations

import numpy as np
import tifffile
from napari.components import ViewerModel

from napari_m2n2.annotation.compute import Computer
from napari_m2n2.annotation.jobs import Settings
from napari_m2n2.annotation.newest import run_now
from napari_m2n2.annotation.places import session_path
from napari_m2n2.annotation.resume import resume
from napari_m2n2.cli import main
from napari_m2n2.viewer.controller import Controller
from napari_m2n2.viewer.keeping import Keeping
from napari_m2n2.viewer.kept import FILE
from napari_m2n2.viewer.tools import TOOLS


class Desk:
    """A viewer's model with the real engine, on a file that is saved beside it."""

    def __init__(self, path, pixels, **options):
        tifffile.imwrite(path, pixels, photometric=options.pop("photometric", "minisblack"))
        self.path = path
        self.viewer = ViewerModel()
        self.controller = Controller(self.viewer, compute=Computer(), runner=run_now)
        self.state = self.controller.state
        self.state.settings = Settings(grid=12)
        self.keeping = Keeping(self.controller)
        image = self.viewer.add_image(pixels, metadata={FILE: str(path)}, **options)
        self.state.image = image
        self.image = image

    def outline(self, *points):
        """Commit an object of some points, the last one background."""
        pair = self.controller.current or self.controller.new_pair(self.image)
        for number, point in enumerate(points):
            self.state.foreground = number < max(1, len(points) - 1)
            pair.prompts.add([point])
        return self.controller.commit()

    def replay(self, *options):
        assert self.keeping.save(), self.keeping.sentence
        self.keeping.close()
        self.controller.close()
        return main(["replay", str(session_path(self.path)), *options])

    @property
    def found(self):
        return resume(session_path(self.path))


def squares(low=0, high=200):
    pixels = np.full((48, 64), low, np.uint8)
    pixels[8:24, 8:28] = high
    pixels[28:42, 36:58] = (low + 3 * high) // 4
    return pixels


def test_objects_of_an_image(tmp_path, capsys):
    desk = Desk(tmp_path / "a.tif", squares())
    desk.image.contrast_limits = (0, 220)
    desk.outline((15, 18), (40, 5))
    desk.state.settings = Settings(grid=14, method="dwc")
    desk.outline((35, 45), (30, 38), (3, 60))
    assert desk.replay() == 0, capsys.readouterr()
    assert "2 of 2 objects are equal" in capsys.readouterr().out
    first, second = desk.found.session.objects
    assert (first.made.grid, first.made.method, first.made.contrast) == (12, "m2n2", (0.0, 220.0))
    assert (second.made.grid, second.made.method) == (14, "dwc")
    assert first.area > 100


def test_planes_of_a_stack_with_a_box(tmp_path, capsys):
    stack = np.stack([squares(), squares(20, 150), squares(0, 90)])
    desk = Desk(tmp_path / "a.tif", stack)
    pair = desk.controller.new_pair(desk.image)
    for index in (0, 2):
        desk.viewer.dims.set_point(0, index)
        pair.prompts.add([(index, 15, 18)])
    desk.viewer.dims.set_point(0, 1)
    desk.controller.take(TOOLS[1])
    corners = np.array([(1, 26, 34), (1, 26, 60), (1, 44, 60), (1, 44, 34)], float)
    pair.shapes.add(corners, shape_type="rectangle")
    desk.controller.commit()
    assert desk.replay() == 0, capsys.readouterr()
    (known,) = desk.found.session.objects
    assert len(known.planes) == 3
    assert min(known.areas.values()) > 50


def test_colours_and_a_reduced_plane(tmp_path, capsys):
    colours = np.stack([squares(), squares(30, 180), squares(90, 40)], axis=-1)
    desk = Desk(tmp_path / "a.tif", colours, photometric="rgb", rgb=True)
    desk.state.most_pixels = 1000
    desk.outline((15, 18), (40, 5))
    assert desk.replay() == 0, capsys.readouterr()
    (known,) = desk.found.session.objects
    (record,) = known.records.values()
    assert record.region.factor == 2


def test_channels_along_an_axis(tmp_path, capsys):
    stack = np.stack([squares(0, 40), squares(), squares(10, 90)])
    desk = Desk(tmp_path / "a.tif", stack)
    desk.state.channel_axis = 0
    desk.state.channels = (2, 1)
    pair = desk.controller.new_pair(desk.image)
    pair.prompts.add([(0, 15, 18)])
    assert desk.controller.commit() is not None
    assert desk.replay() == 0, capsys.readouterr()
    (known,) = desk.found.session.objects
    assert [view.hidden for view in known.made.channels] == [((0, 2),), ((0, 1),)]


def test_a_refined_object_begins_with_its_mask(tmp_path, capsys):
    desk = Desk(tmp_path / "a.tif", squares())
    desk.outline((15, 18), (40, 5))
    desk.controller.reopen(1)
    pair = desk.controller.current
    desk.state.foreground = True
    pair.prompts.add([(12, 12)])
    desk.controller.commit()
    assert desk.replay() == 0, capsys.readouterr()
    (known,) = desk.found.session.objects
    assert known.prompts == 3


def test_a_stroke_of_the_brush_is_no_prompt(tmp_path, capsys):
    desk = Desk(tmp_path / "a.tif", squares())
    committed = desk.outline((15, 18), (40, 5))
    desk.controller.current.labels.data_setitem((np.array([15]), np.array([18])), 0)
    assert committed.area > 100
    assert desk.replay() == 1
    assert "object 1: IoU 0.99" in capsys.readouterr().out
