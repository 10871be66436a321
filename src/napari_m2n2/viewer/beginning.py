"""Beginning an object: with empty labels, or from a label that is there already."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image, Labels

from napari_m2n2.annotation.planes import probe
from napari_m2n2.errors import InputError
from napari_m2n2.viewer.pair import Pair
from napari_m2n2.viewer.source import ImageSource
from napari_m2n2.viewer.state import State

_APART = 1e-3
"""Pixels by which labels may lie beside the image."""


def begin(image: Image, viewer: ViewerModel, state: State, label: int) -> Pair:
    """Return an object without prompts; raise `InputError` or `MemoryError` if it cannot be."""
    return Pair(ImageSource(image, viewer, state), label)


def refine(
    labels: Labels, images: Iterable[Image], viewer: ViewerModel, state: State, label: int
) -> Pair:
    """Return an object that begins with a label.

    Parameters
    ----------
    labels : Labels
    images : iterable of Image
        Those it may be in; the first one that it fits is taken.
    viewer : napari viewer
    state : State
    label : int
        Its number in the labels.

    Raises
    ------
    InputError
        If there is no such label, or no image that the labels fit.
    """
    if label == 0:
        raise InputError("Label 0 is empty; pick the label of an object in the labels layer.")
    for image in images:
        if image.ndim != labels.ndim:
            continue
        source = ImageSource(image, viewer, state)
        if _fits(labels, source):
            pair = Pair(source, label, labels)
            pair.writer.check()
            _check_label(pair, viewer)
            return pair
    raise InputError(
        f"“{labels.name}” has not the shape and place of any image; "
        "open the image that it was made for."
    )


def labels_to_refine(viewer: ViewerModel, current: Pair | None) -> Labels:
    """Return the labels that the user means: those at work, or the topmost that are shown."""
    active = viewer.layers.selection.active
    if isinstance(active, Labels):
        return active
    if current is not None and active is not None:
        return current.labels
    shown = [layer for layer in viewer.layers if isinstance(layer, Labels) and layer.visible]
    if not shown:
        raise InputError("There are no labels; open a labels layer, or begin an object.")
    return shown[-1]


def _check_label(pair: Pair, viewer: ViewerModel) -> None:
    """Say so if the label is not on the plane on screen."""
    plane = pair.shown(viewer.dims)
    if not pair.has_start(plane):
        where = f" on {plane.name}" if plane.name else ""
        raise InputError(
            f"There is no label {pair.writer.label}{where}; pick a label that is on screen."
        )


def _fits(labels: Labels, source: ImageSource) -> bool:
    """Tell whether labels lie over the pixels that are segmented of an image."""
    if labels.multiscale or tuple(labels.data.shape) != source.shape:
        return False
    to_pixels = source.to_pixels().after(probe(labels.data_to_world, labels.ndim))
    ends = np.stack([np.zeros(labels.ndim), np.array(source.shape, dtype=np.float64)])
    return bool(np.abs(to_pixels(ends) - ends).max() <= _APART)
