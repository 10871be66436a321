"""The prompts of one object: heard of when they change, chosen one by one, and taken back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from napari.layers import Points, Shapes
from napari.layers.base import ActionType
from napari.utils.events import Event

from napari_m2n2.annotation.planes import Plane
from napari_m2n2.viewer.connections import Connections
from napari_m2n2.viewer.pair import Pair
from napari_m2n2.viewer.points_layer import read_thresholds, show_point_signs, write_threshold
from napari_m2n2.viewer.signs import ORDER, NextSign, complete_tables, read_numbers
from napari_m2n2.viewer.state import State

_SETTLED = (ActionType.ADDED, ActionType.REMOVED, ActionType.CHANGED)


class Prompting:
    """Listens to the points and shapes of an object.

    Parameters
    ----------
    pair : Pair
    state : State
        Says what the next prompt is.
    changed : callable
        Called when prompts may have changed in number, place, sign or λ.
    connections : Connections
        What ends it.
    """

    def __init__(
        self, pair: Pair, state: State, changed: Callable[[], object], connections: Connections
    ) -> None:
        self._pair = pair
        self._changed = changed
        points, shapes = pair.prompts, pair.shapes
        self._next = [NextSign(layer, state, connections) for layer in (points, shapes)]
        connections.connect(points.events.data, self._on_points)
        connections.connect(shapes.events.data, self._on_shapes)
        for layer in (points, shapes):
            connections.connect(layer.events.features, self._on_features)

    def _on_points(self, event: Event) -> None:
        """Points were added, moved or removed."""
        if event.action in _SETTLED:
            self._on_features()

    def _on_shapes(self, event: Event) -> None:
        """Shapes were begun, drawn, moved or removed."""
        if self._pair.drawings.heed(event):
            self._on_features()

    def _on_features(self, _event: Event | None = None) -> None:
        """Signs or λ may have changed too."""
        pair = self._pair
        if pair.quiet:
            return
        complete_tables((pair.prompts, pair.shapes))
        for next_sign in self._next:
            next_sign.show()
        show_point_signs(pair.prompts)
        pair.drawings.show_signs()
        self._changed()


def take_back(pair: Pair, plane: Plane) -> None:
    """Remove the prompt of a plane that was made last, of whatever kind."""
    if not pair.drawings.finish():
        return
    last: tuple[float, Points | Shapes, int] | None = None
    for layer, lies in (
        (pair.prompts, pair.points_on(plane)),
        (pair.shapes, pair.shapes_on(plane)),
    ):
        orders = read_numbers(layer, ORDER)
        for index in lies:
            if last is None or orders[index] >= last[0]:
                last = (orders[index], layer, int(index))
    if last is not None:
        _, layer, index = last
        layer.selected_data = {index}
        layer.remove_selected()


@dataclass(frozen=True)
class Chosen:
    """The point whose λ and map are shown.

    Attributes
    ----------
    index : int
        In its layer.
    place, count : int
        Which of the points of its plane it is, in the order they were made and counted from 1,
        and how many there are.
    threshold : float
        Its λ; NaN before it is known.
    automatic : bool
        Whether the method chose it.
    """

    index: int
    place: int
    count: int
    threshold: float
    automatic: bool


def chosen(pair: Pair, plane: Plane) -> Chosen | None:
    """Return the point that is selected, else the one made last; None on a plane without any."""
    on_it = _by_order(pair, plane)
    if not on_it:
        return None
    selected = [index for index in on_it if index in pair.prompts.selected_data]
    index = selected[0] if len(selected) == 1 else on_it[-1]
    value = float(read_thresholds(pair.prompts)[index])
    automatic = bool(np.isnan(value))
    if automatic and plane in pair.answers:
        value = pair.answers[plane].thresholds.get(index, np.nan)
    return Chosen(index, on_it.index(index) + 1, len(on_it), value, automatic)


def chosen_point(pair: Pair, plane: Plane) -> int | None:
    """Return the index of the point chosen."""
    now = chosen(pair, plane)
    return None if now is None else now.index


def choose_next(pair: Pair, plane: Plane, step: int) -> None:
    """Choose the point of a plane that was made before (-1) or after (1) the one chosen."""
    on_it, now = _by_order(pair, plane), chosen(pair, plane)
    if now is not None:
        pair.prompts.selected_data = {on_it[(now.place - 1 + step) % len(on_it)]}


def set_threshold(pair: Pair, plane: Plane, value: float | None) -> None:
    """Give the chosen point of a plane a λ; None leaves it to the method again."""
    now = chosen(pair, plane)
    if now is None:
        return
    known = None if now.automatic else now.threshold
    if known != value:
        write_threshold(pair.prompts, now.index, value)


def _by_order(pair: Pair, plane: Plane) -> list[int]:
    """Return the points in a plane, in the order in which they were made."""
    indices = pair.prompts_on(plane).origin
    numbers = read_numbers(pair.prompts, ORDER)[indices]
    return [int(index) for index in indices[np.argsort(numbers, kind="stable")]]
