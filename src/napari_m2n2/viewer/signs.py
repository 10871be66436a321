"""What Points and Shapes of an object have in common: signs, order, and what the next one will be.

Both keep it in their table of features, which napari shows, copies, pastes and saves with them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from napari.layers import Points, Shapes
from napari.layers.base import ActionType
from napari.utils.events import Event
from numpy.typing import NDArray

from napari_m2n2.viewer.connections import Connections
from napari_m2n2.viewer.state import State

PromptLayer: TypeAlias = Points | Shapes

FOREGROUND, BACKGROUND = "fg", "bg"
SIGN = "label"
"""The column that says which of the two a prompt is."""

THRESHOLD = "threshold"
"""The column of λ that the user chose; NaN where it is to be chosen by its score."""

ORDER = "order"
"""The column that numbers the prompts of an object, of whatever kind, as they were made."""

MODIFIERS = ("Alt", "Control")
"""Either of them held makes the next prompt background; some desktops keep Alt for themselves."""

_RIGHT = 2


@dataclass(frozen=True)
class Mark:
    """How a prompt looks: colour and form both tell, for those who see colours differently."""

    colour: str
    symbol: str
    text: str


MARKS = {True: Mark("#2979ff", "disc", "+"), False: Mark("#ff6d00", "x", "−")}
"""Foreground and background; blue and orange differ for every kind of colour vision."""


def new_table(*numbers: str) -> pd.DataFrame:
    """Return the features of a layer without prompts: their sign, and columns of numbers."""
    signs = np.zeros(0, bool)
    return pd.DataFrame({SIGN: categories(signs), **{name: np.zeros(0) for name in numbers}})


def new_defaults(*numbers: str) -> dict[str, Any]:
    """Return what a prompt is unless something else is said."""
    return {SIGN: FOREGROUND, **dict.fromkeys(numbers, np.nan)}


def read_signs(layer: PromptLayer) -> NDArray[np.bool_]:
    """Return which prompts are foreground, (n,) bool.

    The column may hold categories, plain text or gaps, depending on what was done to the layer;
    whatever does not say background is foreground.
    """
    signs = np.ones(len(layer.data), bool)
    if SIGN in layer.features:
        values = layer.features[SIGN].iloc[: len(signs)]
        signs[: len(values)] = [str(value) != BACKGROUND for value in values]
    return signs


def read_numbers(layer: PromptLayer, column: str) -> NDArray[np.float64]:
    """Return a column of numbers, (n,) float64; NaN for what is missing or is none."""
    numbers = np.full(len(layer.data), np.nan)
    if column in layer.features:
        values = pd.to_numeric(layer.features[column], errors="coerce").iloc[: len(numbers)]
        numbers[: len(values)] = values.to_numpy(dtype=np.float64, na_value=np.nan)
    return numbers


def write_column(layer: PromptLayer, column: str, values: NDArray[Any]) -> None:
    """Replace a column of features, with one event."""
    features = layer.features.iloc[: len(values)].copy()
    features[column] = values
    layer.features = features


def complete_tables(layers: Iterable[PromptLayer]) -> None:
    """Say of every prompt what it is, and number new ones on, counted over all layers.

    Nobody is told: it asks for no other mask.
    """
    layers = list(layers)
    numbers = [read_numbers(layer, ORDER) for layer in layers]
    last = np.nanmax([0.0, *np.concatenate(numbers)])
    for layer, known in zip(layers, numbers, strict=True):
        new = np.flatnonzero(np.isnan(known))
        known[new] = last + 1 + np.arange(len(new))
        last += len(new)
        with layer.events.features.blocker(), layer.events.properties.blocker():
            if not _tells_signs(layer):
                write_column(layer, SIGN, categories(read_signs(layer)))
            if len(new) or ORDER not in layer.features:
                write_column(layer, ORDER, known)


def _tells_signs(layer: PromptLayer) -> bool:
    """Tell whether the table has a sign for every prompt, and can hold that of the next."""
    if SIGN not in layer.features or pd.api.types.is_numeric_dtype(layer.features[SIGN]):
        return False
    return {*layer.features[SIGN]} <= {FOREGROUND, BACKGROUND}


def categories(signs: NDArray[np.bool_]) -> pd.Categorical:
    """Return signs as the table has them."""
    return pd.Categorical(np.where(signs, FOREGROUND, BACKGROUND), [FOREGROUND, BACKGROUND])


def set_next_sign(layer: PromptLayer, foreground: bool) -> None:
    """Say what the next prompt will be; those already placed stay as they are."""
    wanted = FOREGROUND if foreground else BACKGROUND
    if _tells_signs(layer) and not _is_default(layer, wanted):
        known = {name: values.iloc[0] for name, values in layer.feature_defaults.items()}
        numbers = [name for name in (THRESHOLD, ORDER) if name in known]
        layer.feature_defaults = {**known, **new_defaults(*numbers), SIGN: wanted}
    # without the block these would change the prompts that are selected
    with layer.block_update_properties():
        if isinstance(layer, Points):
            layer.current_face_color = MARKS[foreground].colour
            layer.current_symbol = MARKS[foreground].symbol
        else:
            layer.current_edge_color = MARKS[foreground].colour
            layer.current_face_color = face_colour(foreground)


def face_colour(foreground: bool) -> str:
    """Return the colour that a shape is filled with; only background hides what is under it."""
    return MARKS[foreground].colour + ("00" if foreground else "40")


def _is_default(layer: PromptLayer, sign: str) -> bool:
    """Tell whether the next prompt has a sign, and nothing of one that was selected."""
    defaults = layer.feature_defaults
    if str(defaults[SIGN].iloc[0]) != sign:
        return False
    numbers = [name for name in (THRESHOLD, ORDER) if name in layer.features]
    return all(name in defaults and pd.isna(defaults[name].iloc[0]) for name in numbers)


def means_background(event: Any) -> bool:
    """Tell whether a press of the mouse asks for background, whatever the switch says."""
    held = {getattr(key, "name", str(key)) for key in event.modifiers}
    return event.button == _RIGHT or not held.isdisjoint(MODIFIERS)


class NextSign:
    """Keeps what the next prompt of a layer will be.

    It is what the switch says; selecting a prompt, after which napari would make more of its
    kind, changes nothing. A modifier held while the mouse is pressed makes one background prompt.

    Parameters
    ----------
    layer : Points or Shapes
    state : State
        Where the switch is.
    connections : Connections
        What ends it.
    """

    def __init__(self, layer: PromptLayer, state: State, connections: Connections) -> None:
        self._layer = layer
        self._state = state
        self._held = False
        # before napari's own, which makes the prompt
        layer.mouse_drag_callbacks.insert(0, self._on_press)
        connections.add(lambda: layer.mouse_drag_callbacks.remove(self._on_press))
        for emitter in (layer.events.feature_defaults, layer.events.features):
            connections.connect(emitter, self.show)
        connections.connect(layer.events.data, self._on_data)
        connections.connect(state.changed, self._on_state)
        self.show()

    def show(self, _event: Event | None = None) -> None:
        """Make it so."""
        set_next_sign(self._layer, self._state.foreground and not self._held)

    def _on_press(self, _layer: PromptLayer, event: Any) -> None:
        """Look at what is held, for this prompt only."""
        self._held = means_background(event)
        self.show()

    def _on_state(self, name: str) -> None:
        if name == "foreground":
            self._held = False
            self.show()

    def _on_data(self, event: Event) -> None:
        """Go back to the switch once the prompt is made."""
        if event.action == ActionType.ADDED:
            self._held = False
            self.show()
