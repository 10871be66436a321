"""The objects of a viewer: begun, connected, turned to and let go of."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from napari.layers import Image
from napari.utils.events import Event

from napari_m2n2.errors import InputError
from napari_m2n2.viewer import beginning, sentences, tools
from napari_m2n2.viewer.connections import Connections
from napari_m2n2.viewer.keys import bind_keys
from napari_m2n2.viewer.layers import follow_image
from napari_m2n2.viewer.pair import Pair
from napari_m2n2.viewer.prompting import Prompting

if TYPE_CHECKING:
    from napari_m2n2.viewer.controller import Controller


class Objects:
    """Keeps the objects, and which of them is at work.

    Parameters
    ----------
    controller : Controller
        Told of all that happens to their layers.
    dropped : callable
        Called with an object that was let go of.

    Attributes
    ----------
    current : Pair or None
        The object at work.
    """

    def __init__(self, controller: Controller, dropped: Callable[[Pair], object]) -> None:
        self._controller = controller
        self._viewer = controller.viewer
        self._state = controller.state
        self._dropped = dropped
        self._pairs: dict[Pair, Connections] = {}
        self._made: dict[object, int] = {}
        self.current: Pair | None = None
        self._connections = Connections()
        layers = self._viewer.layers
        self._connections.connect(layers.events.removed, self._on_removed)
        self._connections.connect(layers.selection.events.active, self._on_active)

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """The objects, in the order they were made."""
        return tuple(self._pairs)

    def begin(self, image: Image) -> Pair | None:
        """Begin an object in an image; None if it cannot be, which is said."""
        self._state.image = image  # with which come the channels that were chosen for it
        label = self._made.get(image.unique_id, 0) + 1
        pair = self._attempt(lambda: beginning.begin(image, self._viewer, self._state, label))
        if pair is not None:
            self._made[image.unique_id] = label
            self._add(pair)
        return pair

    def refine(self, label: int | None) -> Pair | None:
        """Go on with an object of a labels layer; None if it cannot be, which is said."""

        def attempt() -> Pair:
            labels = beginning.labels_to_refine(self._viewer, self.current)
            number = int(labels.selected_label if label is None else label)
            chosen = self._state.image
            images = sorted(self._controller.images(), key=lambda image: image is not chosen)
            return beginning.refine(labels, images, self._viewer, self._state, number)

        pair = self._attempt(attempt)
        if pair is None:
            return None
        for other in self.pairs:
            if other.labels is pair.labels and other.label == pair.label:
                # its prompts made the mask that this one begins with
                other.prompts.visible = other.shapes.visible = False
                self._let_go(other)
        self._add(pair)
        return pair

    def close(self) -> None:
        """Let go of the viewer and of all objects; the layers stay."""
        self._connections.close()
        for connections in self._pairs.values():
            connections.close()
        self._pairs.clear()
        self.current = None

    def _attempt(self, make: Callable[[], Pair]) -> Pair | None:
        """Make an object, or say why it cannot be."""
        try:
            return make()
        except InputError as error:
            self._controller.say(str(error), failed=True)
        except MemoryError:
            self._controller.say(sentences.NO_MEMORY_FOR_LABELS, failed=True)
        return None

    def _add(self, pair: Pair) -> None:
        """Take an object up and be ready for clicks."""
        for layer in (pair.labels, pair.prompts):
            if layer not in self._viewer.layers:
                self._viewer.add_layer(layer)
        if not pair.refines:
            pair.labels.opacity = self._state.opacity
        self._pairs[pair] = self._connect(pair)
        self._turn_to(pair)
        tools.take(tools.TOOLS[0], self._viewer, pair)
        self._controller.look()

    def _connect(self, pair: Pair) -> Connections:
        """Connect the events of an object."""
        controller, connections = self._controller, Connections()
        Prompting(pair, self._state, partial(controller.on_prompts, pair), connections)
        connections.connect(pair.labels.events.paint, pair.writer.painted)
        connections.connect(pair.image.events.data, partial(controller.on_image, pair))
        chosen = pair.prompts.selected_data.events.items_changed
        connections.connect(chosen, partial(controller.on_chosen, pair))
        # what napari's own buttons do is shown in ours
        for emitter in (pair.prompts.events.mode, pair.shapes.events.mode):
            connections.connect(emitter, controller.look)
        connections.connect(pair.labels.events.visible, controller.look)
        thin = pair.source.prompt_factors
        followers = [(pair.prompts, thin), (pair.shapes, thin), (pair.labels, pair.factors)]
        follow_image(pair.image, followers, controller.look, connections)
        for layer in pair.layers:
            connections.add(bind_keys(layer, controller.commands(pair)))
        return connections

    def _let_go(self, pair: Pair) -> None:
        """Let go of an object; its layers stay."""
        self._pairs.pop(pair).close()
        for other, connections in self._pairs.items():
            if other.labels is pair.labels:  # whose keys have just gone too
                connections.add(bind_keys(other.labels, self._controller.commands(other)))
        if self.current is pair:
            self._turn_to(self.pairs[-1] if self._pairs else None)
        self._dropped(pair)

    def _turn_to(self, pair: Pair | None) -> None:
        """Make an object the one at work."""
        if pair is not self.current:
            self.current = pair
            if pair is not None:
                self._state.image = pair.image
            self._controller.pair_changed.emit(pair)

    def _on_active(self, event: Event) -> None:
        """Turn to the object whose layer the user turned to."""
        if event.value is not None:
            owners = [pair for pair in self._pairs if event.value in pair.layers]
            if owners and self.current not in owners:
                self._turn_to(owners[-1])
        self._controller.look()

    def _on_removed(self, event: Event) -> None:
        """Let go of the objects that a removed layer belonged to."""
        for pair in self.pairs:
            if event.value is pair.shapes:
                # points are enough to go on with; drawing brings the layer back
                pair.shapes.data = []
            elif event.value in (pair.image, *pair.layers):
                self._let_go(pair)
                self._controller.say(sentences.GONE)
