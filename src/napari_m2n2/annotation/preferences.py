"""What the user prefers, for all images: read from napari's settings or any other mapping."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any, Literal

from napari_m2n2.annotation.jobs import Settings
from napari_m2n2.attention.registry import names
from napari_m2n2.image import Contrast

logger = logging.getLogger(__name__)

_DEVICES = ("auto", "cpu", "cuda", "mps")
_PRESETS = ("default", "published")


def _preference(
    default: Any,
    title: str,
    description: str,
    *,
    choices: tuple[str, ...] | None = None,
    least: float | None = None,
    most: float | None = None,
) -> Any:
    """Return a field with all that a page of settings says about it."""
    about = {
        "title": title,
        "description": description,
        "choices": choices,
        "least": least,
        "most": most,
    }
    return field(default=default, metadata=about)


@dataclass(frozen=True)
class Preferences:
    """What the user prefers; `manifest_properties` says what each one is for."""

    backbone: str = _preference(
        "texture", "Backbone", "Where affinities between pixels come from.", choices=names()
    )
    preset: str = _preference(
        "default",
        "Preset",
        "“published” does what the published implementation of M2N2 does.",
        choices=_PRESETS,
    )
    device: str = _preference(
        "auto", "Device", "What computes; “auto” takes a GPU if there is one.", choices=_DEVICES
    )
    grid: int = _preference(
        0,
        "Grid",
        "Cells along each side; more see finer detail and cost more. 0 is the backbone's own.",
        least=0,
        most=256,
    )
    contrast: Literal["layer", "percentile"] = _preference(
        "layer",
        "Contrast",
        "Whether the model sees the layer's contrast limits, or the image stretched between its "
        "0.5th and 99.5th percentile.",
        choices=("layer", "percentile"),
    )
    region: Literal["plane", "view"] = _preference(
        "plane",
        "Region",
        "Whether the whole plane is outlined, or what is on screen and a little around it.",
        choices=("plane", "view"),
    )
    largest_plane: float = _preference(
        2.1,
        "Largest plane",
        "In millions of pixels; larger planes and regions are reduced before they are outlined.",
        least=0.01,
        most=36.0,
    )
    overlay: Literal["none", "map", "score", "uncertainty"] = _preference(
        "none",
        "Overlay",
        "What is shown above the image: the distance map of the chosen point, the score of every "
        "pixel, or where the outline is unsure.",
        choices=("none", "map", "score", "uncertainty"),
    )
    opacity: float = _preference(
        0.5, "Opacity", "Of the labels and of the overlay.", least=0.05, most=1.0
    )
    kept_planes: int = _preference(
        4,
        "Planes kept ready",
        "How many planes stay encoded, so that going back to them costs nothing; each holds some "
        "200 MB at grid 64.",
        least=1,
        most=64,
    )
    autosave: bool = _preference(
        True,
        "Save by itself",
        "Whether objects, prompts and labels are saved after every click and commit.",
    )
    session_folder: str = _preference(
        "",
        "Folder of sessions",
        "Where sessions are saved; empty for beside each image.",
    )

    @classmethod
    def from_values(cls, values: Mapping[str, Any] | Any) -> Preferences:
        """Read preferences from a mapping, or from the attributes of an object.

        Whatever is missing or cannot be, such as a backbone that a later version has, is left at
        its default, so that a damaged settings file keeps nobody from working.
        """
        found = {}
        for known in fields(cls):
            if isinstance(values, Mapping):
                value = values.get(known.name, known.default)
            else:
                value = getattr(values, known.name, known.default)
            if _may_be(known, value):
                kind: Any = type(known.default)
                found[known.name] = kind(value)
            else:
                logger.warning("the preference %s=%r cannot be and is ignored", known.name, value)
        return cls(**found)

    @property
    def settings(self) -> Settings:
        """How to segment."""
        return Settings(
            backbone=self.backbone,
            preset=self.preset,
            grid=self.grid or None,
            device=self.device,
        )

    @property
    def most_pixels(self) -> int:
        """Above it planes and regions are reduced."""
        return max(1, round(self.largest_plane * 1e6))

    def contrast_of(self, limits: tuple[float, float] | None) -> Contrast:
        """Return the contrast for an image, given its layer's limits; None for colours."""
        if limits is None:
            return None
        if self.contrast == "percentile" or not limits[0] < limits[1]:
            return "percentile"
        return limits


def _may_be(known: Field[Any], value: Any) -> bool:
    """Tell whether a value is of the right type and range for a preference."""
    about = known.metadata
    if about["choices"] is not None:
        return isinstance(value, str) and value in about["choices"]
    if isinstance(known.default, bool | str):
        return isinstance(value, type(known.default))
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    if not about["least"] <= value <= about["most"]:
        return False
    return not isinstance(known.default, int) or value == int(value)


_TYPES = {str: "string", bool: "boolean", int: "integer", float: "number"}


def manifest_properties() -> dict[str, dict[str, Any]]:
    """Return the preferences as the manifest's `configurations` has them, in JSON Schema."""
    properties: dict[str, dict[str, Any]] = {}
    for known in fields(Preferences):
        about = known.metadata
        entry = {
            "type": _TYPES[type(known.default)],
            "default": known.default,
            "title": about["title"],
            "description": about["description"],
        }
        if about["choices"] is not None:
            entry["enum"] = list(about["choices"])
        elif about["least"] is not None:
            entry |= {"minimum": about["least"], "maximum": about["most"]}
        properties[known.name] = entry
    return properties
