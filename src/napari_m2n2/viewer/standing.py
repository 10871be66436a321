"""How things stand with an object on the plane on screen, in a few sentences."""

from __future__ import annotations

import sys

from napari.components import Dims

from napari_m2n2.annotation.jobs import Settings
from napari_m2n2.attention.registry import TEXTURE
from napari_m2n2.errors import InputError, UserError
from napari_m2n2.viewer import sentences
from napari_m2n2.viewer.outliner import Outliner
from napari_m2n2.viewer.pair import Pair

_NEEDS_TORCH = {"attention", "weights", "encode", "transition"}
"""Phases in which torch has been loaded."""


def standing(pair: Pair, dims: Dims, outliner: Outliner) -> tuple[str, bool]:
    """Return what to say of an object, one sentence a line, and whether it tells of a failure."""
    try:
        plane = pair.shown(dims)
    except InputError as error:
        return str(error), True
    before = sentences.place_a_point(plane)
    if pair.has_start(plane):
        before = sentences.REFINING.format(label=pair.label)
    text, failed = pair.said.get(plane, (before, False))
    if outliner.waits_for(pair, plane):
        text, failed = sentences.working(plane), False
    notes = [text, sentences.outside(pair.prompts_on(plane).outside)]
    answer = pair.answers.get(plane)
    if answer is not None:
        outside = answer.outcome.left_out
        notes += [sentences.left_out(outside), answer.region.sentence(plane.size)]
    notes.append(pair.source.note)
    return "\n".join(note for note in notes if note), failed


def slow_device(settings: Settings, phase: str) -> str:
    """Return what to say if the processor stands in for a GPU; empty if it does not.

    Parameters
    ----------
    settings : Settings
    phase : str
        What is being done; what computes is known once torch has been loaded for it.
    """
    if settings.backbone == TEXTURE:
        return ""
    device = settings.device
    if phase in _NEEDS_TORCH and "torch" in sys.modules:
        from napari_m2n2.devices import resolve

        try:
            device = resolve(settings.device)
        except UserError:  # which the work will say
            return ""
    return sentences.on_the_processor(settings.backbone) if device == "cpu" else ""
