"""The images of a viewer that objects are outlined in: begun, connected, and let go of."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from napari.layers import Image, Labels
from napari.utils.events import Event

from napari_m2n2.annotation.objects import ObjectTable
from napari_m2n2.errors import InputError
from napari_m2n2.viewer import beginning, sentences, tools
from napari_m2n2.viewer.annotating import Annotating
from napari_m2n2.viewer.connections import Connections
from napari_m2n2.viewer.heeding import Heeding
from napari_m2n2.viewer.keys import bind_keys, commands_of
from napari_m2n2.viewer.layers import follow_image
from napari_m2n2.viewer.pair import Pair
from napari_m2n2.viewer.prompting import Prompting

if TYPE_CHECKING:
    from napari_m2n2.viewer.controller import Controller


class Objects:
    """Keeps the images, and which of them is at work.

    Parameters
    ----------
    controller : Controller
        Told of all that happens to their layers.
    annotating : Annotating
        What is done with objects.
    dropped : callable
        Called with an image that was let go of.

    Attributes
    ----------
    current : Pair or None
        The image at work.
    """

    def __init__(
        self,
        controller: Controller,
        annotating: Annotating,
        dropped: Callable[[Pair], object],
    ) -> None:
        self._annotating = annotating
        self._controller = controller
        self._viewer = controller.viewer
        self._state = controller.state
        self._dropped = dropped
        self._pairs: dict[Pair, Connections] = {}
        self._left: WeakKeyDictionary[Labels, ObjectTable] = WeakKeyDictionary()
        self.current: Pair | None = None
        self._connections = Connections()
        layers = self._viewer.layers
        self._connections.connect(layers.events.removed, self._on_removed)
        self._connections.connect(layers.selection.events.active, self._on_active)

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """The images, in the order they were begun."""
        return tuple(self._pairs)

    def begin(self, image: Image) -> Pair | None:
        """Begin the next object in an image; None if it cannot be, which is said."""
        self._state.image = image  # with which come the channels that were chosen for it
        return self._attempt(lambda: self._begin(image))

    def _begin(self, image: Image) -> Pair:
        for pair in reversed(self.pairs):
            if pair.image is image and beginning.still_fits(pair, self._viewer, self._state):
                self._turn_to(pair)
                if self._annotating.leave(pair):
                    tools.take(tools.TOOLS[0], self._viewer, pair)
                return pair
        taken = [pair.labels for pair in self._pairs]
        return self._add(beginning.begin(image, self._viewer, self._state, taken))

    def refine(self, label: int | None) -> Pair | None:
        """Go on with an object of a labels layer; None if it cannot be, which is said."""

        def attempt() -> Pair | None:
            labels = beginning.labels_to_refine(self._viewer, self.current)
            number = int(labels.selected_label if label is None else label)
            known = [pair for pair in self._pairs if pair.labels is labels]
            pair = known[0] if known else self._take_up(labels)
            beginning.check_label(pair, number, self._viewer)
            if not known:
                self._add(pair)
            self._turn_to(pair)
            if number != pair.work.value and not self._annotating.reopen_value(pair, number):
                return None
            tools.take(tools.TOOLS[0], self._viewer, pair)
            return pair

        return self._attempt(attempt)

    def use(self, labels: Labels) -> Pair | None:
        """Let the next objects be in a labels layer; None if it cannot be, which is said."""

        def attempt() -> Pair:
            known = [pair for pair in self._pairs if pair.labels is labels]
            pair = known[0] if known else self._add(self._take_up(labels))
            self._turn_to(pair)
            tools.take(tools.TOOLS[0], self._viewer, pair)
            return pair

        return self._attempt(attempt)

    def _take_up(self, labels: Labels) -> Pair:
        """Return an image with labels that somebody else has made."""
        chosen = self._state.image
        images = sorted(self._controller.images(), key=lambda image: image is not chosen)
        return beginning.take_up(labels, images, self._viewer, self._state)

    def close(self) -> None:
        """Let go of the viewer and of all images; the layers stay."""
        self._connections.close()
        for pair, connections in self._pairs.items():
            connections.close()
            _settle(pair)
            pair.history.clear()
        self._pairs.clear()
        self.current = None

    def _attempt(self, make: Callable[[], Pair | None]) -> Pair | None:
        """Begin an image, or say why it cannot be."""
        try:
            return make()
        except InputError as error:
            self._controller.say(str(error), failed=True)
        except MemoryError:
            self._controller.say(sentences.NO_MEMORY_FOR_LABELS, failed=True)
        return None

    def _add(self, pair: Pair) -> Pair:
        """Take an image up and be ready for clicks."""
        for layer in (pair.labels, pair.prompts):
            if layer not in self._viewer.layers:
                self._viewer.add_layer(layer)
        if pair.is_new:
            pair.labels.opacity = self._state.opacity
        if pair.labels in self._left:
            beginning.bring_back(pair.table, self._left[pair.labels])
        self._pairs[pair] = self._connect(pair)
        beginning.put_away(pair.image, self._viewer, self._pairs)
        self._annotating.begin_next(pair)
        self._turn_to(pair)
        tools.take(tools.TOOLS[0], self._viewer, pair)
        self._controller.look()
        return pair

    def _connect(self, pair: Pair) -> Connections:
        """Connect the events of an image."""
        controller, connections = self._controller, Connections()
        Prompting(pair, self._state, partial(controller.on_prompts, pair), connections)
        Heeding(pair, self._annotating.follow, connections)
        connections.add(pair.drawings.let_go)
        # no partials of methods: psygnal keeps what is given to them while the program runs
        for signal in (pair.table.changed, pair.history.changed):
            connections.connect(signal, lambda *_what: controller.on_objects(pair))
        connections.connect(pair.image.events.data, partial(controller.on_image, pair))
        chosen = pair.prompts.selected_data.events.items_changed
        connections.connect(chosen, lambda *_what: controller.on_chosen(pair))
        # what napari's own buttons do is shown in ours
        for emitter in (pair.prompts.events.mode, pair.shapes.events.mode):
            connections.connect(emitter, controller.look)
        connections.connect(pair.labels.events.visible, controller.look)
        thin = pair.source.prompt_factors
        followers = [(pair.prompts, thin), (pair.shapes, thin), (pair.labels, pair.factors)]
        follow_image(pair.image, followers, controller.look, connections)
        for layer in pair.layers:
            connections.add(bind_keys(layer, commands_of(controller, pair, layer)))
        return connections

    def _let_go(self, pair: Pair) -> None:
        """Let go of an image; its layers stay."""
        self._pairs.pop(pair).close()
        _settle(pair)
        pair.history.clear()  # whose steps know the image
        self._left[pair.labels] = pair.table
        if self.current is pair:
            self._turn_to(self.pairs[-1] if self._pairs else None)
        self._dropped(pair)

    def _turn_to(self, pair: Pair | None) -> None:
        """Make an image the one at work."""
        if pair is not self.current:
            self.current = pair
            if pair is not None:
                self._state.image = pair.image
            self._controller.pair_changed.emit(pair)

    def _on_active(self, event: Event) -> None:
        """Turn to the image whose layer the user turned to."""
        if event.value is not None:
            owners = [pair for pair in self._pairs if event.value in pair.layers]
            if owners and self.current not in owners:
                self._turn_to(owners[-1])
        self._controller.look()

    def _on_removed(self, event: Event) -> None:
        """Let go of the image that a removed layer belonged to."""
        for pair in self.pairs:
            if event.value is pair.shapes:
                # points are enough to go on with; drawing brings the layer back
                pair.shapes.data = []
            elif event.value in (pair.image, *pair.layers):
                self._let_go(pair)
                self._controller.say(sentences.GONE)


def _settle(pair: Pair) -> None:
    """Leave what is shown in the labels, as a step of their history."""
    with suppress(InputError):
        pair.writer.commit()
