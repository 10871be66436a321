"""The keys, as data, and how they are bound to the layers of an image.

They are bound on our own layers, because keys of the viewer lose to those of the active layer, and
chosen among those that napari uses neither in the viewer nor in Image, Labels, Points and Shapes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from napari.layers import Layer

if TYPE_CHECKING:
    from napari_m2n2.viewer.controller import Controller
    from napari_m2n2.viewer.pair import Pair


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
    Key("N", "next_object", "commit, and the next object"),
    Key("Q", "next_tool", "next tool"),
    Key("J", "previous_point", "previous point"),
    Key("K", "next_point", "next point"),
    Key("H", "toggle_labels", "hide or show the object"),
    Key("W", "next_overlay", "next overlay"),
)

UNDO_KEYS = (
    Key("Control-Z", "undo", "undo"),
    Key("Control-Shift-Z", "redo", "do again"),
)
"""As everywhere; in the labels layer they go through its own history."""

KEY_OF = {key.command: key.key for key in KEYS}


def commands_of(
    controller: Controller, pair: Pair, layer: Layer
) -> dict[str, Callable[[], object]]:
    """Return what the keys do on a layer of an image."""
    undo, redo = controller.undo, controller.redo
    if layer is pair.labels:
        undo, redo = controller.undo_in_labels, controller.redo_in_labels
    return {
        "undo": undo,
        "redo": redo,
        "switch_sign": controller.switch_sign,
        "take_back": controller.take_back,
        "next_object": partial(controller.new_pair, pair.image),
        "toggle_labels": controller.toggle_labels,
        "previous_point": partial(controller.choose, -1),
        "next_point": partial(controller.choose, 1),
        "next_tool": controller.next_tool,
        "next_overlay": controller.next_overlay,
    }


def bind_keys(layer: Layer, commands: Mapping[str, Callable[[], object]]) -> Callable[[], None]:
    """Bind all keys on a layer; the function returned unbinds them.

    Parameters
    ----------
    layer : napari layer
    commands : mapping
        What to call for each command.
    """
    for key in (*KEYS, *UNDO_KEYS):
        layer.bind_key(key.key, _action(commands[key.command]), overwrite=True)
    return partial(_unbind, layer)


def _action(command: Callable[[], object]) -> Callable[[Any], None]:
    """Return what napari calls for a key: a function with a name, which a partial lacks."""

    def action(_layer: Any) -> None:
        command()

    return action


def _unbind(layer: Layer) -> None:
    """Unbind all keys of a layer."""
    for key in (*KEYS, *UNDO_KEYS):
        layer.bind_key(key.key, None, overwrite=True)
