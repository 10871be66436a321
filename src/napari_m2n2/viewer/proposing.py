"""Regions of the plane on screen, offered before any click: a click on one makes it an object."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels
from numpy.typing import NDArray

from napari_m2n2.annotation.jobs import Failed
from napari_m2n2.annotation.masks import Mask
from napari_m2n2.annotation.newest import Runner
from napari_m2n2.annotation.proposals import Described, Proposed, Wanted, find
from napari_m2n2.annotation.provenance import Provenance
from napari_m2n2.annotation.records import PlaneRecord
from napari_m2n2.errors import InputError
from napari_m2n2.progress import Progress
from napari_m2n2.viewer.background import Background
from napari_m2n2.viewer.proposal_layer import Place

if TYPE_CHECKING:
    from napari_m2n2.segmentation.regions import Regions
    from napari_m2n2.viewer.controller import Controller

NO_PLANE = "No plane of an image is on screen; choose an image."
STOPPED = "Stopped."
HOW_TO_TAKE = "Click a region to make it an object."


@dataclass(frozen=True)
class Taken:
    """The object that a region became last.

    Attributes
    ----------
    number : int
    nodes : tuple of int
        The regions that the click lay in, from the smallest to all.
    step : int
        Which of them it is.
    """

    number: int
    nodes: tuple[int, ...]
    step: int


class Proposer(Background):
    """Finds regions of the plane on screen, shows them in a layer, and makes objects of them.

    Called off, it keeps what was found so far.

    Attributes
    ----------
    regions : Regions or None
        What was found, or is known so far.
    count : int
        How many of them are shown.
    taken : Taken or None
    """

    def __init__(self, controller: Controller, runner: Runner) -> None:
        super().__init__(controller, runner)
        self._viewer = controller.viewer
        self._so_far: Regions | None = None
        self._place: Place | None = None
        self._layer: Labels | None = None
        self._made = Provenance()
        self.regions: Regions | None = None
        self.count = 0
        self.taken: Taken | None = None
        self._connections.connect(self._viewer.layers.events.removed, self._on_removed)

    def find(self, by: str) -> None:
        """Find the regions of the plane on screen."""
        self._start(by=by)

    def describe(self, text: str) -> None:
        """Make an object of what words mean on the plane on screen."""
        self._start(text=text)

    def close(self, _object: object = None) -> None:
        """Call it off and say nothing more; the layer goes, as it is nobody's data."""
        super().close()
        self._drop_layer()

    def show(self, count: int) -> None:
        """Show so many regions, as near as there can be."""
        if self.regions is None or self._place is None:
            return
        self.count = min(max(count, 1), self.regions.finest)
        labels = self.regions.labels(self.count)
        if self._layer is None:
            self._layer = self._place.make_layer(labels)
            self._layer.mouse_drag_callbacks.append(self._on_mouse)
            self._viewer.add_layer(self._layer)
        else:
            self._place.show(self._layer, labels)
        self.changed.emit()

    def take(self, pixel: tuple[int, int]) -> None:
        """Make an object of the region that is shown at a pixel of what was looked at."""
        regions = self.regions
        if regions is None or not self._is_at_work():
            return
        nodes = regions.chain(pixel)
        there = regions.tree.root + 2 - self.count
        step = max(place for place, node in enumerate(nodes) if node < there or place == 0)
        added = self._add(regions.mask(nodes[step]))
        if added is not None:
            self.taken = Taken(added, tuple(nodes), step)
            self.changed.emit()

    def resize(self, step: int) -> None:
        """Let the object that was taken last be a smaller or larger region around the click."""
        taken, regions = self.taken, self.regions
        if taken is None or regions is None or not self._is_at_work():
            return
        step = min(max(step, 0), len(taken.nodes) - 1)
        if taken.number not in self._controller.table:
            self.taken = None
            self.said.emit(f"Object {taken.number} is gone; click a region again.", True)
        elif step != taken.step:
            record = self._record(regions.mask(taken.nodes[step]))
            assert self._place is not None
            if self._controller.write_planes(taken.number, {self._place.plane: record}):
                self.taken = Taken(taken.number, taken.nodes, step)
        self.changed.emit()

    # the work

    def _start(self, by: str = "", text: str = "") -> None:
        """Ask for the plane on screen."""
        if self.busy:
            return
        try:
            wanted = self._wanted(by, text)
        except InputError as error:
            self.said.emit(str(error), True)
            return
        if by:
            self._drop_layer()
            self.regions, self.taken = None, None
        self._so_far = None
        self._work_on(partial(self._find, wanted), self._done)
        self.changed.emit()

    def _wanted(self, by: str, text: str) -> Wanted:
        """Return what to find on the plane on screen."""
        state = self._controller.state
        pair = self._controller.current
        if pair is None or (state.image is not None and pair.image is not state.image):
            pair = self._controller.new_pair(state.image)
        plane = None if pair is None else self._controller.shown()
        if pair is None or plane is None:
            raise InputError(NO_PLANE)
        picture = pair.source.picture(plane)
        self._place = Place(pair.image, pair.factors, plane, picture.region)
        settings = state.settings
        self._made = Provenance(
            way="drawn",
            backbone=settings.backbone,
            preset=settings.preset,
            method=by or settings.method,
            grid=settings.grid,
            contrast=picture.contrast,
        )
        return Wanted(picture.read, picture.contrast, settings, by, text)

    def _find(self, wanted: Wanted, progress: Progress) -> Any:
        """Do it, in the thread."""

        def take_note(regions: Regions) -> None:
            self._so_far = regions

        return find(wanted, take_note, progress)

    def _report(self, phase: str, fraction: float) -> None:
        """Show what is known so far, and tell how far it is."""
        so_far, self._so_far = self._so_far, None
        if so_far is not None:
            self._found(so_far)
        self.progressed.emit(phase, fraction)

    def _done(self, outcome: Any) -> None:
        """Show what was found."""
        match outcome:
            case Proposed(regions):
                self._found(regions)
                self.said.emit(HOW_TO_TAKE, False)
            case Described(mask):
                if self._is_at_work():
                    added = self._add(mask)
                    if added is not None:
                        self.said.emit(f"Object {added} is what the words mean here.", False)
            case Failed(message):
                self.said.emit(message, True)
            case _:
                self.said.emit(STOPPED, False)
        self.changed.emit()

    def _found(self, regions: Regions) -> None:
        """Show regions as they usually are."""
        self.regions = regions
        self.show(regions.usual)

    # objects

    def _is_at_work(self) -> bool:
        """Tell whether the image of the proposals is at work; say so if it is not."""
        pair = self._controller.current
        if pair is not None and self._place is not None and pair.image is self._place.image:
            return True
        self.said.emit("The regions are those of another image; find them anew.", True)
        return False

    def _record(self, mask: NDArray[np.bool_]) -> PlaneRecord:
        """Return what is kept of a mask of what was looked at."""
        assert self._place is not None
        packed = Mask.pack(self._place.whole(mask))
        return PlaneRecord(mask=packed, region=self._place.region, made=self._made)

    def _add(self, mask: NDArray[np.bool_]) -> int | None:
        """Commit a mask as an object and return its number; None if it cannot be."""
        assert self._place is not None
        added = self._controller.add_object({self._place.plane: self._record(mask)})
        return None if added is None else added.id

    # the layer

    def _on_mouse(self, layer: Labels, event: Any) -> Iterator[None]:
        """Take the region that is clicked; dragging moves the view, and painting paints."""
        if layer.mode != "pan_zoom" or event.button != 1 or self._place is None:
            return
        dragged = False
        yield
        while event.type == "mouse_move":
            dragged = True
            yield
        pixel = None if dragged else self._place.pixel(layer, event.position)
        if pixel is not None:
            self.take(pixel)

    def _on_removed(self, event: Any) -> None:
        """Forget what the user deleted, and what lay on an image that is gone."""
        gone = event.value
        if self._layer is gone:
            self._layer, self.regions, self.taken = None, None, None
            self.changed.emit()
        elif self._place is not None and gone is self._place.image:
            self.stop()
            if self._layer is not None:
                # perhaps it is being removed, too: napari fails if one of those has gone
                self._layer.visible = False
            self._layer, self.regions, self.taken, self._place = None, None, None, None
            self.changed.emit()

    def _drop_layer(self) -> None:
        """Take the layer away."""
        layer, self._layer = self._layer, None
        if layer is not None and self._on_mouse in layer.mouse_drag_callbacks:
            layer.mouse_drag_callbacks.remove(self._on_mouse)
        if layer is not None and layer in self._viewer.layers:
            self._viewer.layers.remove(layer)
