"""The methods by name. A new one is a module with `prepare`, and a line here.

Imports nothing heavy, so that a widget or a command line can list the choices at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Method:
    """How prompts and attention become a mask.

    Attributes
    ----------
    title : str
        What it is, in some words.
    changes : mapping
        Fields of `napari_m2n2.segmentation.parameters.Parameters` that it changes in a preset.
    module : str
        Where its ``prepare(rgb, attention, parameters, progress)`` is, which gives a
        `napari_m2n2.segmentation.solved.Solver`; empty for those that make distance maps, in
        `napari_m2n2.segmentation.maps`.
    """

    title: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    module: str = ""


_GRID_METHODS = "napari_m2n2.segmentation.methods"

_PLAIN = {"zoom": "off"}
"""Zoom-in is made for the Markov maps: it needs a first mask that says where the object is."""

_COARSE = {**_PLAIN, "correction_share": 0.0}
"""Its first region is often far too small, so that no share of its area says what a further click
may change."""

METHODS: dict[str, Method] = {
    "m2n2": Method("Markov maps with flood fill"),
    "m2n2-no-flood": Method("Markov maps", {"flood": False}),
    "attention-nn": Method(
        "nearest by attention", {"temperature": 10.0, "ipf_rounds": 0, **_PLAIN}
    ),
    "kl-nn": Method("nearest by divergence", {"temperature": 2.0, "ipf_rounds": 0, **_PLAIN}),
    "mis": Method("tree of merged regions", _PLAIN, f"{_GRID_METHODS}.mis"),
    "dwc": Method("tree of normalised cuts", _COARSE, f"{_GRID_METHODS}.dwc"),
    "iseg": Method("marks refined by attention", _PLAIN, f"{_GRID_METHODS}.iseg"),
    "conditional-affinity": Method(
        "affinity to the marks, for a preview", _PLAIN, f"{_GRID_METHODS}.conditional"
    ),
}
"""Every method; the first is the default."""

REGIONS: dict[str, Method] = {
    "mis": Method("merged from single cells", module=f"{_GRID_METHODS}.mis"),
    "dwc": Method("cut from the whole", module=f"{_GRID_METHODS}.dwc"),
    "diffseg": Method("alike attention merged", module=f"{_GRID_METHODS}.diffseg"),
}
"""Ways to part a plane into regions without a prompt; their modules have ``grow``
(`napari_m2n2.segmentation.regions.Grow`). The first is the default."""

REFINERS = ("pdm",)
"""What can mend the outline of any of them: the pixel diffusion module of CDNet."""
