"""Encoding the stack on screen in the background, as long as no click has to wait for it."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image
from psygnal import Signal

from napari_m2n2.annotation.encoding import Encode, PlaneQueue, Useless, encode_plane
from napari_m2n2.annotation.jobs import Stopped
from napari_m2n2.annotation.kept_attention import keep_on_disk
from napari_m2n2.annotation.newest import Runner
from napari_m2n2.annotation.planes import Plane, shown_plane
from napari_m2n2.attention.usual import LIMIT, default_limit
from napari_m2n2.errors import Cancelled, InputError
from napari_m2n2.progress import Progress
from napari_m2n2.viewer import sentences
from napari_m2n2.viewer.connections import Connections
from napari_m2n2.viewer.source import ImageSource

if TYPE_CHECKING:
    from napari_m2n2.viewer.controller import Controller


class StackEncoder:
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

    Attributes
    ----------
    busy : bool
        Whether there is a stack to encode, be it waiting for clicks.

    Signals
    -------
    said : signal of (str, bool)
        What there is to say, and whether it tells of a failure.
    progressed : signal of float
        How much of the stack is encoded.
    changed : signal
        Work has begun or ended.
    """

    said = Signal(str, bool)
    progressed = Signal(float)
    changed = Signal()

    def __init__(
        self, controller: Controller, runner: Runner, encode: Encode = encode_plane
    ) -> None:
        self._controller = controller
        self._runner = runner
        self._encode = encode
        self._queue: PlaneQueue | None = None
        self._source: ImageSource | None = None
        self._under_way: object = None
        self._clicking = False
        self._settings = controller.state.settings
        self._connections = Connections()
        self._connections.connect(controller.busy, self._on_busy)

    @property
    def busy(self) -> bool:
        """Whether there is a stack to encode."""
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
        store = keep_on_disk()
        if store.problem:
            self.said.emit(store.problem, True)
            return
        self._settings = state.settings
        self._queue = PlaneQueue(_planes(self._source))
        self.changed.emit()
        self._go_on()

    def stop(self) -> None:
        """Call it off; what was encoded stays."""
        queue = self._queue
        if queue is not None:
            done = queue.new + queue.known
            self._end(f"Stopped; {done} of {queue.all} planes are encoded.", failed=False)

    def close(self, _object: object = None) -> None:
        """Call it off and say nothing more."""
        self._queue = None
        self._connections.close()
        for signal in (self.said, self.progressed, self.changed):
            signal.disconnect()

    def _on_busy(self, busy: bool) -> None:
        """Let clicks have the computer for themselves."""
        self._clicking = busy
        if not busy:
            self._go_on()

    def _go_on(self) -> None:
        """Begin with the next plane, unless one is under way or clicks have work to do."""
        queue, source = self._queue, self._source
        if queue is None or source is None or self._under_way is not None or self._clicking:
            return
        if source.image not in self._controller.viewer.layers:
            self.stop()
            return
        plane = queue.next(self._shown(source))
        if plane is None:
            self._end(_told(queue), failed=bool(queue.failures))
            return
        if queue.fills(default_limit()):
            self._end(_full(queue), failed=True)
            return
        try:
            picture = source.picture(plane)
        except InputError as error:
            self._end(str(error), failed=True)
            return
        ticket = self._under_way = object()
        settings = self._settings
        self.said.emit(f"Encoding {plane.name or 'the plane'} …", False)

        def work(report: Progress) -> Any:
            def progress(phase: str, fraction: float) -> None:
                if self._clicking or self._queue is not queue:
                    raise Cancelled
                report(phase, fraction)  # which ends it if the window is closing

            weigh = not queue.size
            return self._encode(picture.read, picture.contrast, settings, progress, weigh=weigh)

        self._runner(work, _ignore, lambda outcome: self._done(ticket, queue, plane, outcome))

    def _done(self, ticket: object, queue: PlaneQueue, plane: Plane, outcome: Any) -> None:
        """Take note of what came of a plane, and go on."""
        if ticket is self._under_way:
            self._under_way = None
        if queue is not self._queue:
            self._go_on()  # with a stack that was begun meanwhile
            return
        if isinstance(outcome, Useless):
            self._end(outcome.message, failed=True)
            return
        if not isinstance(outcome, Stopped):
            queue.settle(plane, outcome)
            self.progressed.emit(1 - queue.left / queue.all)
        self._go_on()

    def _end(self, sentence: str, *, failed: bool) -> None:
        """Be done with the stack."""
        self._queue = self._source = None
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


def _ignore(_phase: str, _fraction: float) -> None:
    """Show nothing: the phases of a plane go by too fast to be read."""


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
    return (
        f"The store is full with {queue.new + queue.known} of {queue.all} planes; set a larger "
        f"{LIMIT} (gigabytes) before napari is started, or a smaller grid."
    )


def _told(queue: PlaneQueue) -> str:
    """Return what there is to say when nothing is left."""
    before = f", {queue.known} of them before" if queue.known else ""
    text = f"{queue.new + queue.known} of {queue.all} planes are encoded{before}."
    if not queue.failures:
        return text
    plane, sentence = next(iter(queue.failures.items()))
    return f"{text} {plane.name or 'The plane'} could not be: {sentence}"
