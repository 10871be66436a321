"""What layers and sliders do, told to the outliner, and where things stand, told to the panels.

The prompts ask for work whenever they change; the sliders ask for nothing. All of it runs in the
thread of the window.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable

from napari.components import ViewerModel
from napari.layers import Image
from napari.utils.events import Event
from psygnal import Signal

from napari_m2n2.annotation.compute import Computer
from napari_m2n2.annotation.history import History
from napari_m2n2.annotation.newest import Compute, Runner
from napari_m2n2.annotation.objects import ObjectTable
from napari_m2n2.annotation.overlays import next_overlay
from napari_m2n2.annotation.planes import Plane
from napari_m2n2.viewer import prompting, sentences, tools
from napari_m2n2.viewer.adding import Adding
from napari_m2n2.viewer.annotating import Annotating
from napari_m2n2.viewer.asking import Asking
from napari_m2n2.viewer.commands import ObjectCommands
from napari_m2n2.viewer.connections import Connections
from napari_m2n2.viewer.frame import Frame
from napari_m2n2.viewer.objects import Objects
from napari_m2n2.viewer.outliner import Outliner
from napari_m2n2.viewer.pair import Pair
from napari_m2n2.viewer.scenes import Scenes
from napari_m2n2.viewer.standing import slow_device, standing
from napari_m2n2.viewer.state import WRITING, State
from napari_m2n2.viewer.watching import Watching
from napari_m2n2.viewer.weakly import weakly
from napari_m2n2.viewer.why_layers import OURS
from napari_m2n2.viewer.worker import run_in_thread


class Controller(ObjectCommands):
    """Connects the pairs of layers of a viewer to the work.

    Parameters
    ----------
    viewer : napari viewer
    state : State
        What is chosen in the window.
    compute : Compute, optional
        Tests give one that draws discs.
    runner : Runner
        How it is worked; `napari_m2n2.annotation.newest.run_now` does it at once.

    Attributes
    ----------
    state : State
    frame : Frame
        The rectangle around what is outlined.
    said : signal of (str, bool)
        What there is to say, and whether it tells of a failure.
    progressed : signal of (str, float)
        The phase of the work, and how much of it is done.
    busy : signal of bool
        Whether there is work.
    banner : signal of str
        What holds until something changes; empty for nothing.
    pair_changed : signal of Pair or None
        The object at work.
    selected : signal of (int or None, float)
        The point chosen, as an index of its layer, and its λ.
    segmented : signal of (Pair, Plane, Segmented or None)
        What is known of the plane on screen has changed.
    table_changed, history_changed : signals
        The objects of the image at work, or what can be undone there, are others.
    """

    said = Signal(str, bool)
    progressed = Signal(str, float)
    busy = Signal(bool)
    banner = Signal(str)
    pair_changed = Signal(object)
    selected = Signal(object, float)
    segmented = Signal(object, object, object)
    table_changed = Signal()
    history_changed = Signal()

    def __init__(
        self,
        viewer: ViewerModel,
        state: State | None = None,
        *,
        compute: Compute | None = None,
        runner: Runner = run_in_thread,
    ) -> None:
        self.state = State() if state is None else state
        self.viewer = viewer
        self._closed = False
        self._banner = self._note = ""
        self._no_table, self._no_history = ObjectTable(), History()
        self._asking = Asking(self.state)
        compute = compute or Computer(kept=self.state.kept_planes)
        hear, look, told = weakly(self._report), weakly(self.look), self.segmented.emit
        self._outliner = Outliner(compute, runner, self._asking.job, hear, look, told)
        me = weakref.proxy(self)  # or its parts would keep it alive, and it them
        scenes = Scenes(me, self._outliner)
        self._annotating = Annotating(me, self._outliner, scenes)
        self._adding = Adding(self._annotating, scenes)
        self._objects = Objects(me, self._annotating, self._outliner.drop)
        self._connections = Connections()
        dims = viewer.dims.events
        for emitter in (dims.point, dims.order, dims.ndisplay, dims.ndim):
            self._connections.connect(emitter, self._on_dims)
        self._connections.connect(self.state.changed, self._on_state)
        self._watching = Watching(me, self._outliner.again)
        self.frame = Frame(me, viewer)

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """The images at work, in the order they were begun."""
        return self._objects.pairs

    @property
    def current(self) -> Pair | None:
        """The image at work."""
        return self._objects.current

    def images(self) -> list[Image]:
        """Return the images of the viewer that objects can be outlined in."""
        layers = [layer for layer in self.viewer.layers if isinstance(layer, Image)]
        return [layer for layer in layers if OURS not in layer.metadata]

    def shown(self) -> Plane | None:
        """Return the plane of the object at work that is on screen, if there is one."""
        return None if self.current is None else self.shown_of(self.current)

    # what keys and buttons do

    def take_back(self) -> None:
        """Remove the prompt of the plane on screen that was placed last."""
        self._with_plane(prompting.take_back)

    def switch_sign(self) -> None:
        """Let the next prompt be what this one is not."""
        self.state.foreground = not self.state.foreground

    def choose(self, step: int) -> None:
        """Choose the point of this plane that was made before (-1) or after (1) the one chosen."""
        self._with_plane(lambda pair, plane: prompting.choose_next(pair, plane, step))

    def set_threshold(self, value: float | None, *, draft: bool = False) -> None:
        """Give the chosen point a λ; None leaves it to the method.

        A draft is shown at once and is no step of undo; one that is none has to follow.
        """
        self._asking.draft = draft
        self._with_plane(lambda pair, plane: prompting.set_threshold(pair, plane, value))
        if not draft:
            self._with_plane(self._outliner.finish)
            if self.current is not None:
                self._annotating.heed_prompts(self.current, draft=False)

    def next_tool(self) -> None:
        """Take the next drawing tool."""
        if self.current is not None:
            self.take(tools.after(tools.in_hand(self.viewer, self.current)))

    def take(self, tool: tools.Tool) -> None:
        """Take a drawing tool."""
        if self.current is not None:
            tools.take(tool, self.viewer, self.current)

    def next_overlay(self) -> None:
        """Show the next overlay above the image, after the last one none."""
        self.state.overlay = next_overlay(self.state.overlay)

    def toggle_labels(self) -> None:
        """Hide the labels of the object at work, or show them again."""
        if self.current is not None:
            self.current.labels.visible = not self.current.labels.visible

    def again(self) -> None:
        """Ask once more for the plane on screen."""
        self._with_plane(self._outliner.again)

    def stop(self) -> None:
        """Call off all work; the labels stay as they are."""
        for pair in self.pairs:
            self._annotating.call_off(pair)
        self._outliner.stop()

    def close(self) -> None:
        """Call off all work and let go of the viewer; the layers stay."""
        self._closed = True
        self._outliner.close()
        self._connections.close()
        self._watching.close()
        self.frame.close()
        self._objects.close()
        for signal in (self.said, self.progressed, self.busy, self.banner):
            signal.disconnect()
        for signal in (self.pair_changed, self.selected, self.segmented, self.state.changed):
            signal.disconnect()
        for signal in (self.table_changed, self.history_changed):
            signal.disconnect()

    def _with_plane(self, act: Callable[[Pair, Plane], object]) -> None:
        """Do something with the object at work and the plane on screen, if there are both."""
        pair, plane = self.current, self.shown()
        if pair is not None and plane is not None:
            act(pair, plane)

    # what has happened

    def on_prompts(self, pair: Pair) -> None:
        """Prompts may have changed in number, place, sign or λ."""
        self._note = ""
        self._annotating.heed_prompts(pair, draft=self._asking.draft)
        self._outliner.refresh(pair, self.shown_of(pair))

    def on_chosen(self, pair: Pair, _event: Event | None = None) -> None:
        """Another point may be the one chosen."""
        if pair is self.current:
            self._with_plane(self._complete)
            self._show_chosen()

    def _on_dims(self, _event: Event) -> None:
        """Another plane may be on screen."""
        self._note = ""
        self.look()

    def on_work(self, pair: Pair) -> None:
        """Another object of an image is at work, or its objects are others."""
        self._note = ""
        plane = self.shown_of(pair)
        if plane is not None:
            self.segmented.emit(pair, plane, None)
        self.on_objects(pair)
        self.look()

    def on_objects(self, pair: Pair, *_event: object) -> None:
        """Tell that the objects of an image, or what can be undone there, are others."""
        if pair is self.current:
            self.table_changed.emit()
            self.history_changed.emit()

    def on_image(self, pair: Pair, _event: Event) -> None:
        """Forget what was found out of the image's old pixels."""
        self._outliner.forget(pair)
        if pair is self.current:
            self.again()
        self.look()

    def _on_state(self, name: str) -> None:
        """Act on what the user chose."""
        if name == "settings":
            self._show_banner("")
            self.again()
        elif name in WRITING:
            self._annotating.heed_choices(self.pairs)

    def _complete(self, pair: Pair, plane: Plane) -> None:
        """Ask for what is to be shown of a plane and was not asked for before."""
        if self._asking.lacks(pair, plane) and not self._outliner.waits_for(pair, plane):
            self._outliner.again(pair, plane)

    # what is shown

    def look(self, _event: Event | None = None) -> None:
        """Show where things stand with what is on screen."""
        if self._closed:
            return
        self.busy.emit(self._outliner.busy)
        if self.current is not None:
            self._annotating.settled(self.current)
        if self.current is None:
            self.say(sentences.NO_PAIR if self.images() else sentences.NO_IMAGE)
        else:
            text, failed = standing(self.current, self.viewer.dims, self._outliner)
            self.say("\n".join(part for part in (self._note, text) if part), failed=failed)
        self._show_chosen()

    def say(self, text: str, *, failed: bool = False) -> None:
        """Show a sentence."""
        self.said.emit(text, failed)

    def shown_of(self, pair: Pair) -> Plane | None:
        """Return the plane of an image on screen, if there is one."""
        return pair.shown_or_none(self.viewer.dims)

    def note(self, text: str) -> None:
        """Show a sentence above how things stand, until the next prompt or plane."""
        self._note = text
        self.look()

    def _show_chosen(self) -> None:
        """Show which point is chosen, and its λ."""
        pair, plane = self.current, self.shown()
        chosen = None if pair is None or plane is None else prompting.chosen(pair, plane)
        if chosen is None:
            self.selected.emit(None, math.nan)
        else:
            self.selected.emit(chosen.index, chosen.threshold)

    def _report(self, phase: str, fraction: float) -> None:
        """Show how far the work is, and whether the processor has to do it."""
        self._show_banner(phase)
        self.progressed.emit(phase, fraction)

    def _show_banner(self, phase: str) -> None:
        """Show what is slow, as soon as it is known, for as long as it holds."""
        text = slow_device(self.state.settings, phase)
        if text != self._banner and (text or not phase):
            self._banner = text
            self.banner.emit(text)
