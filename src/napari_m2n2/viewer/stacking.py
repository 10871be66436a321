"""Encoding the stack on screen in the background, as long as no click has to wait for it."""

from __future__ import annotations

import itertools
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image

from napari_m2n2.annotation.encoding import Encode, PlaneQueue, Useless, encode_plane
from napari_m2n2.annotation.jobs import Stopped
from napari_m2n2.annotation.kept_attention import keep_on_disk, kept_attention
from napari_m2n2.annotation.newest import Runner
from napari_m2n2.annotation.planes import Plane, shown_plane
from napari_m2n2.attention.usual import LIMIT
from napari_m2n2.errors import InputError
from napari_m2n2.viewer import sentences
from napari_m2n2.viewer.background import Background
from napari_m2n2.viewer.source import ImageSource

if TYPE_CHECKING:
    from napari_m2n2.viewer.controller import Controller


class StackEncoder(Background):
    """Encodes one plane after another in a thread, those near to the one on screen first.

    While the user's clicks have work to do, nothing is encoded: the plane under way is called off
    at its next report, and begun again afterwards.

    Parameters
    ----------
    controller : Controller
    runner : Runner
        How a plane is worked.
    encode : Encode, optional
        Tests give one that only takes notes.
    """

    def __init__(
        self, controller: Controller, runner: Runner, encode: Encode = encode_plane
    ) -> None:
        super().__init__(controller, runner)
        self._encode = encode
        self._queue: PlaneQueue | None = None
        self._source: ImageSource | None = None
        self._clicking = False
        self._settings = controller.state.settings
        self._connections.connect(controller.busy, self._on_busy)

    @property
    def busy(self) -> bool:
        """Whether there is a stack to encode, be it waiting for clicks."""
        return self._queue is not None

    @property
    def image(self) -> Image | None:
        """The image whose stack would be encoded: that at work, or the one chosen."""
        pair = self._controller.current
        image = self._controller.state.image if pair is None else pair.image
        return image if image in self._controller.viewer.layers else None

    def start(self) -> None:
        """Encode the stack on screen."""
        if self.busy:
            return
        image = self.image
        if image is None:
            self.said.emit(sentences.NO_IMAGE, True)
            return
        state, viewer = self._controller.state, self._controller.viewer
        if state.region != "plane":
            self.said.emit(
                "Only whole planes can be encoded ahead; choose the whole plane as what is "
                "outlined.",
                True,
            )
            return
        try:
            self._source = ImageSource(image, viewer, state)
        except InputError as error:
            self.said.emit(str(error), True)
            return
        self._settings = state.settings
        self._queue = PlaneQueue(_planes(self._source), keep_on_disk().problem)
        self.changed.emit()
        self._go_on()

    def stop(self) -> None:
        """Call it off; what was encoded stays."""
        queue = self._queue
        if queue is not None:
            done = queue.new + queue.known
            self._be_done(f"Stopped; {done} of {queue.all} planes are encoded.", failed=False)

    def close(self, _object: object = None) -> None:
        """Call it off and say nothing more."""
        self._queue = None
        super().close()

    def _on_busy(self, busy: bool) -> None:
        """Let clicks have the computer for themselves."""
        self._clicking = busy
        if busy:
            self._call_off()
        else:
            self._go_on()

    def _go_on(self) -> None:
        """Begin with the next plane, unless one is under way or clicks have work to do."""
        queue, source = self._queue, self._source
        if queue is None or source is None or self.at_work or self._clicking:
            return
        if source.image not in self._controller.viewer.layers:
            self.stop()
            return
        plane = queue.next(self._shown(source))
        if plane is None:
            self._be_done(_told(queue), failed=bool(queue.failures or queue.problem))
            return
        if queue.fills(kept_attention().room):
            self._be_done(_full(queue), failed=True)
            return
        try:
            picture = source.picture(plane)
        except InputError as error:
            self._be_done(str(error), failed=True)
            return
        self.said.emit(f"Encoding {plane.name or 'the plane'} …", False)
        given = picture.read, picture.contrast, self._settings
        self._work_on(partial(self._encode, *given), partial(self._done, queue, plane))

    def _report(self, _phase: str, _fraction: float) -> None:
        """Show nothing: the phases of a plane go by too fast to be read."""

    def _done(self, queue: PlaneQueue, plane: Plane, outcome: Any) -> None:
        """Take note of what came of a plane, and go on."""
        if queue is not self._queue:
            self._go_on()  # with a stack that was begun meanwhile
            return
        if isinstance(outcome, Useless):
            self._be_done(outcome.message, failed=True)
            return
        if not isinstance(outcome, Stopped):
            queue.settle(plane, outcome)
            self.progressed.emit("encoding", 1 - queue.left / queue.all)
        self._go_on()

    def _be_done(self, sentence: str, *, failed: bool) -> None:
        """Be done with the stack; what a thread has of it is called off."""
        self._queue = self._source = None
        self._call_off()
        self.changed.emit()
        self.said.emit(sentence, failed)

    def _shown(self, source: ImageSource) -> Plane | None:
        """Return the plane on screen, if it is one of the stack."""
        dims = self._controller.viewer.dims
        position = source.to_pixels()(np.array([dims.point])[:, -source.image.ndim :])[0]
        try:
            return shown_plane(source.shape, dims.displayed, dims.ndim, position)
        except InputError:
            return None


def _planes(source: ImageSource) -> list[Plane]:
    """Return all planes that lie as the one on screen does."""
    hidden = [axis for axis in range(len(source.shape)) if axis not in source.displayed]
    lengths = [range(source.shape[axis]) for axis in hidden]
    return [
        Plane(source.shape, source.displayed, tuple(zip(hidden, index, strict=True)))
        for index in itertools.product(*lengths)
    ]


def _full(queue: PlaneQueue) -> str:
    """Return what there is to say when the store has no room for more of a stack."""
    planes = f"{queue.new + queue.known} of {queue.all} planes"
    if queue.problem:
        return f"There is no room in memory for more than {planes}. {queue.problem}"
    return (
        f"The store is full with {planes}; set a larger {LIMIT} (gigabytes) before napari is "
        "started, or a smaller grid."
    )


def _told(queue: PlaneQueue) -> str:
    """Return what there is to say when nothing is left."""
    before = f", {queue.known} of them before" if queue.known else ""
    text = f"{queue.new + queue.known} of {queue.all} planes are encoded{before}."
    if queue.problem:
        text = f"{text} {queue.problem}"
    if not queue.failures:
        return text
    plane, sentence = next(iter(queue.failures.items()))
    return f"{text} {plane.name or 'The plane'} could not be: {sentence}"
