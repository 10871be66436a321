"""What a session keeps of the choices in the window, and going back to it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image

from napari_m2n2.annotation.objects import TableContent
from napari_m2n2.annotation.resume import Resumed
from napari_m2n2.annotation.session import Session
from napari_m2n2.errors import InputError
from napari_m2n2.viewer.pair import Pair
from napari_m2n2.viewer.state import State

if TYPE_CHECKING:
    from napari_m2n2.viewer.controller import Controller

_PLAIN = ("contrast", "channel_axis", "region", "most_pixels", "class_value")


def view_of(state: State) -> dict[str, Any]:
    """Return the choices as plain values, `Session.view`."""
    return {
        **{name: getattr(state, name) for name in _PLAIN},
        "channels": list(state.channels),
        "drawn": [list(point) for point in state.drawn],
        "more_images": [layer.name for layer in state.more_images],
    }


def choose(state: State, session: Session, images: Iterable[Image]) -> None:
    """Choose what was chosen in a session; layers that there are no more are left out."""
    state.semantic, state.overwrite = session.mode == "semantic", session.overwrite
    state.settings = session.settings
    view = session.view
    for name in _PLAIN:
        if name in view:
            setattr(state, name, view[name])
    state.channels = tuple(view.get("channels", ()))
    state.drawn = tuple(tuple(point) for point in view.get("drawn", ()))
    known = {layer.name: layer for layer in images}
    names = view.get("more_images", ())
    state.more_images = tuple(known[name] for name in names if name in known)


def go_back(controller: Controller, image: Image, resumed: Resumed) -> Pair:
    """Let an image and the choices of the window be as a session has them.

    Raises
    ------
    InputError
        If the session does not fit the image.
    """
    session = resumed.session
    pair = controller.new_pair(image)
    if pair is None:
        raise InputError(f"{resumed.path.name} cannot be gone on with in this image.")
    labels = np.zeros_like(pair.labels.data) if resumed.labels is None else resumed.labels
    choose(controller.state, session, controller.images())
    content = TableContent(session.objects, session.classes)
    controller.restore(image, content, labels, session.work, session.used)
    if tuple(pair.table) != session.objects:
        raise InputError(f"{resumed.path.name} does not fit this image; open the one it is of.")
    return pair
