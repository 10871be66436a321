"""Beginning with an image: with empty labels, or with labels that are there already."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image, Labels

from napari_m2n2.annotation.found import objects_in
from napari_m2n2.annotation.objects import ObjectTable
from napari_m2n2.annotation.planes import probe, read_plane
from napari_m2n2.errors import InputError
from napari_m2n2.viewer.layers import OURS, PROMPTS_OF
from napari_m2n2.viewer.pair import Pair
from napari_m2n2.viewer.source import ImageSource
from napari_m2n2.viewer.state import State

_APART = 1e-3
"""Pixels by which labels may lie beside the image."""


def begin(image: Image, viewer: ViewerModel, state: State, taken: Iterable[Labels]) -> Pair:
    """Return an image without prompts; raise `InputError` or `MemoryError` if it cannot be.

    Labels that were made for it before are gone on with, unless they are among those taken.
    """
    source = ImageSource(image, viewer, state)
    taken = list(taken)
    for layer in viewer.layers:
        made_for_it = isinstance(layer, Labels) and layer.metadata.get(OURS) == image.unique_id
        if made_for_it and layer not in taken and fits(layer, source):
            return _with_labels(source, layer)
    return Pair(source)


def take_up(labels: Labels, images: Iterable[Image], viewer: ViewerModel, state: State) -> Pair:
    """Return the first image that a labels layer fits, with the objects that it holds.

    Raises
    ------
    InputError
        If there is no such image, or the labels cannot be written to.
    """
    for image in images:
        if image.ndim != labels.ndim:
            continue
        source = ImageSource(image, viewer, state)
        if fits(labels, source):
            return _with_labels(source, labels)
    raise InputError(
        f"“{labels.name}” has not the shape and place of any image; "
        "open the image that it was made for."
    )


def _with_labels(source: ImageSource, labels: Labels) -> Pair:
    """Return an image with labels that are there already, and their objects."""
    pair = Pair(source, labels)
    pair.writer.check()
    for found in objects_in(labels.data, source.displayed):
        pair.table.add(found)
    return pair


def bring_back(table: ObjectTable, known: ObjectTable) -> None:
    """Let a table have what was known of its labels before they were let go of."""
    values = {each.value for each in known}
    found = tuple(each for each in table if each.value not in values)
    table.restore(replace(known.content, objects=(*known.content.objects, *found)))
    table.reserve(known.used)


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


def check_label(pair: Pair, label: int, viewer: ViewerModel) -> None:
    """Raise `InputError` if a label is not on the plane on screen."""
    if label == 0:
        raise InputError("Label 0 is empty; pick the label of an object in the labels layer.")
    plane = pair.shown(viewer.dims)
    if not (read_plane(pair.labels.data, plane) == label).any():
        where = f" on {plane.name}" if plane.name else ""
        raise InputError(f"There is no label {label}{where}; pick a label that is on screen.")


def put_away(
    image: Image, viewer: ViewerModel, pairs: Iterable[Pair], *, are_kept: bool = False
) -> None:
    """Put layers of prompts out of sight that were left when an image was let go of.

    Parameters
    ----------
    image : Image
    viewer : napari viewer
    pairs : iterable of Pair
        Those at work; their layers stay.
    are_kept : bool
        Whether their prompts are elsewhere too, so that they can be removed.
    """
    used = [layer for pair in pairs for layer in pair.layers]
    ours = [each for each in viewer.layers if each.metadata.get(PROMPTS_OF) == image.unique_id]
    for layer in ours:
        if layer in used:
            continue
        if not are_kept and len(layer.data):
            layer.visible = False
            continue
        viewer.layers.remove(layer)
        for heir in ours:  # which has a name with a number, as long as this one was there
            if heir in used and type(heir) is type(layer):
                heir.name = layer.name


def still_fits(pair: Pair, viewer: ViewerModel, state: State) -> bool:
    """Tell whether the next object of an image can be in the labels that it has."""
    source = ImageSource(pair.image, viewer, state)
    try:
        pair.source.check_shape()
        pair.writer.check()
    except InputError:
        return False
    same = (source.shape, source.level, source.channel_axis)
    return same == (pair.source.shape, pair.source.level, pair.source.channel_axis)


def fits(labels: Labels, source: ImageSource) -> bool:
    """Tell whether labels lie over the pixels that are segmented of an image."""
    if labels.multiscale or tuple(labels.data.shape) != source.shape:
        return False
    to_pixels = source.to_pixels().after(probe(labels.data_to_world, labels.ndim))
    ends = np.stack([np.zeros(labels.ndim), np.array(source.shape, dtype=np.float64)])
    return bool(np.abs(to_pixels(ends) - ends).max() <= _APART)
