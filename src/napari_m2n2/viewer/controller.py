"""What layers and sliders do, told to the outliner, and where things stand, told to the screen.

The prompts ask for work whenever they change; the sliders ask for nothing. All of it runs in the
thread of the window.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image
from napari.layers.base import ActionType
from napari.utils.events import Event

from napari_m2n2.annotation.compute import Computer
from napari_m2n2.annotation.jobs import Settings
from napari_m2n2.annotation.newest import Compute, Runner
from napari_m2n2.annotation.planes import Plane
from napari_m2n2.errors import InputError
from napari_m2n2.viewer import sentences
from napari_m2n2.viewer.connections import Connections
from napari_m2n2.viewer.keys import bind_keys
from napari_m2n2.viewer.layers import follow_image, set_next_sign, show_signs
from napari_m2n2.viewer.outliner import Outliner
from napari_m2n2.viewer.pair import Pair
from napari_m2n2.viewer.worker import run_in_thread

_SETTLED = (ActionType.ADDED, ActionType.REMOVED, ActionType.CHANGED)


class Screen(Protocol):
    """Where the controller shows what it does."""

    def say(self, text: str, *, failed: bool = False) -> None:
        """Show a sentence."""

    def progress(self, phase: str, fraction: float) -> None:
        """Show how far the work is."""

    def busy(self, busy: bool) -> None:
        """Show whether there is work."""

    def sign(self, foreground: bool) -> None:
        """Show what the next point will be."""


class Controller:
    """Connects the pairs of layers of a viewer to the work.

    Parameters
    ----------
    viewer : napari viewer
    screen : Screen
    compute : Compute, optional
        Tests give one that draws discs.
    runner : Runner
        How it is worked; `napari_m2n2.annotation.newest.run_now` does it at once.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        screen: Screen,
        *,
        compute: Compute | None = None,
        runner: Runner = run_in_thread,
    ) -> None:
        self._viewer = viewer
        self._screen: Screen | None = screen
        self._outliner = Outliner(compute or Computer(), runner, self._progress, self.look)
        self._pairs: dict[Pair, Connections] = {}
        self._current: Pair | None = None
        self._objects_made: dict[object, int] = {}
        self._foreground = True
        self._connections = Connections()
        dims = viewer.dims.events
        for emitter in (dims.point, dims.order, dims.ndisplay, dims.ndim):
            self._connections.connect(emitter, self.look)
        self._connections.connect(viewer.layers.events.removed, self._on_layer_removed)
        self._connections.connect(viewer.layers.selection.events.active, self._on_active)

    # what the widget and the keys call

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """The objects at work, in the order they were made."""
        return tuple(self._pairs)

    @property
    def foreground(self) -> bool:
        """Whether the next point is foreground."""
        return self._foreground

    @foreground.setter
    def foreground(self, foreground: bool) -> None:
        self._foreground = foreground
        for pair in self._pairs:
            set_next_sign(pair.prompts, foreground)
        if self._screen is not None:
            self._screen.sign(foreground)

    @property
    def settings(self) -> Settings:
        """How to segment; a change outlines the object on screen anew."""
        return self._outliner.settings

    @settings.setter
    def settings(self, settings: Settings) -> None:
        if settings == self._outliner.settings:
            return
        self._outliner.settings = settings
        plane = None if self._current is None else self._shown(self._current)
        if self._current is not None and plane is not None:
            self._outliner.again(self._current, plane)

    def new_pair(self, image: Image | None) -> Pair | None:
        """Make prompts and labels for an object in an image, and be ready for clicks."""
        if image is None:
            self._say(sentences.NO_IMAGE, failed=True)
            return None
        label = self._objects_made.get(image.unique_id, 0) + 1
        try:
            pair = Pair(image, self._viewer.dims, label)
        except MemoryError:
            self._say(sentences.NO_MEMORY_FOR_LABELS, failed=True)
            return None
        self._objects_made[image.unique_id] = label
        self._viewer.add_layer(pair.labels)
        self._viewer.add_layer(pair.prompts)
        self._pairs[pair] = self._connect(pair)
        self._current = pair
        set_next_sign(pair.prompts, self._foreground)
        self._viewer.layers.selection.active = pair.prompts
        pair.prompts.mode = "add"
        self.look()
        return pair

    def take_back(self, pair: Pair) -> None:
        """Remove the prompt of the plane on screen that was placed last."""
        plane = self._shown(pair)
        last = None if plane is None else pair.last_on(plane)
        if last is not None:
            pair.prompts.selected_data = {last}
            pair.prompts.remove_selected()

    def stop(self) -> None:
        """Call off all work; the labels stay as they are."""
        self._outliner.stop()

    def close(self) -> None:
        """Call off all work and let go of the viewer; the layers stay."""
        self._screen = None
        self._outliner.close()
        self._connections.close()
        for connections in self._pairs.values():
            connections.close()
        self._pairs.clear()
        self._current = None

    # events

    def _connect(self, pair: Pair) -> Connections:
        """Connect the events of a pair."""
        connections = Connections()
        events = pair.prompts.events
        connections.connect(events.data, partial(self._on_points, pair))
        connections.connect(events.features, partial(self._on_features, pair))
        connections.connect(events.feature_defaults, partial(self._on_defaults, pair))
        connections.connect(pair.labels.events.paint, pair.painted)
        connections.connect(pair.image.events.data, pair.renew)
        followers = [(pair.prompts, np.ones_like(pair.factors)), (pair.labels, pair.factors)]
        follow_image(pair.image, followers, self.look, connections)
        commands: dict[str, Callable[[], object]] = {
            "switch_sign": self._switch_sign,
            "take_back": partial(self.take_back, pair),
            "next_object": partial(self.new_pair, pair.image),
        }
        for layer in (pair.prompts, pair.labels):
            connections.add(bind_keys(layer, commands))
        return connections

    def _switch_sign(self) -> None:
        self.foreground = not self.foreground

    def _on_points(self, pair: Pair, event: Event) -> None:
        """Prompts were added, moved or removed."""
        if event.action in _SETTLED:
            self._on_features(pair)

    def _on_features(self, pair: Pair, _event: Event | None = None) -> None:
        """Prompts may have changed in number, place or sign."""
        show_signs(pair.prompts)
        self._outliner.refresh(pair, self._shown(pair))

    def _on_defaults(self, pair: Pair, _event: Event) -> None:
        """Keep to the switch: selecting a point makes napari place more of its kind."""
        set_next_sign(pair.prompts, self._foreground)

    def _on_active(self, event: Event) -> None:
        """Turn to the object whose layer the user turned to."""
        for pair in self._pairs:
            if event.value in (pair.prompts, pair.labels):
                self._current = pair
        self.look()

    def _on_layer_removed(self, event: Event) -> None:
        """Let go of the objects that a removed layer belonged to."""
        for pair in self.pairs:
            if event.value in (pair.image, pair.prompts, pair.labels):
                self._pairs.pop(pair).close()
                if self._current is pair:
                    self._current = self.pairs[-1] if self._pairs else None
                self._outliner.drop(pair)
                self._say(sentences.GONE)

    # what is shown

    def _shown(self, pair: Pair) -> Plane | None:
        """Return the plane on screen, if there is one."""
        try:
            return pair.shown(self._viewer.dims)
        except InputError:
            return None

    def look(self, _event: Event | None = None) -> None:
        """Show where things stand with what is on screen."""
        if self._screen is None:
            return
        self._screen.busy(self._outliner.busy)
        pair = self._current
        if pair is None:
            self._say(sentences.NO_PAIR)
            return
        try:
            plane = pair.shown(self._viewer.dims)
        except InputError as error:
            self._say(str(error), failed=True)
            return
        text, failed = pair.said.get(plane, (sentences.place_a_point(plane), False))
        if self._outliner.waits_for(pair, plane):
            text = sentences.working(plane)
        notes = (text, sentences.outside(pair.prompts_on(plane).outside), pair.level_note)
        self._say(" ".join(note for note in notes if note), failed=failed)

    def _progress(self, phase: str, fraction: float) -> None:
        """Show how far the work is, if there still is where."""
        if self._screen is not None:
            self._screen.progress(phase, fraction)

    def _say(self, text: str, *, failed: bool = False) -> None:
        """Show a sentence, if there still is where."""
        if self._screen is not None:
            self._screen.say(text, failed=failed)
