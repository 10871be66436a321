"""The keys, as data, and how they are bound to the layers of an object.

They are bound on our own layers, because keys of the viewer lose to those of the active layer, and
chosen among those that napari uses neither in the viewer nor in Image, Labels, Points and Shapes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from napari.layers import Layer


@dataclass(frozen=True)
class Key:
    """One key.

    Attributes
    ----------
    key : str
        As napari writes it.
    command : str
        What it does, as a word for the program.
    title : str
        What it does, as words for the user.
    """

    key: str
    command: str
    title: str


KEYS = (
    Key("G", "switch_sign", "foreground or background"),
    Key("U", "take_back", "take back the last prompt"),
    Key("N", "next_object", "next object"),
    Key("Q", "next_tool", "next tool"),
    Key("J", "previous_point", "previous point"),
    Key("K", "next_point", "next point"),
    Key("H", "toggle_labels", "hide or show the object"),
    Key("W", "next_overlay", "next overlay"),
)

KEY_OF = {key.command: key.key for key in KEYS}


def bind_keys(layer: Layer, commands: Mapping[str, Callable[[], object]]) -> Callable[[], None]:
    """Bind all keys on a layer; the function returned unbinds them.

    Parameters
    ----------
    layer : napari layer
    commands : mapping
        What to call for each command.
    """
    for key in KEYS:
        layer.bind_key(key.key, _action(commands[key.command]), overwrite=True)
    return partial(_unbind, layer)


def _action(command: Callable[[], object]) -> Callable[[Any], None]:
    """Return what napari calls for a key: a function with a name, which a partial lacks."""

    def action(_layer: Any) -> None:
        command()

    return action


def _unbind(layer: Layer) -> None:
    """Unbind all keys of a layer."""
    for key in KEYS:
        layer.bind_key(key.key, None, overwrite=True)
