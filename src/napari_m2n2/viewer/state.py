"""What the user chose in the window, without Qt: panels set it and hear of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from napari.layers import Image
from psygnal import Signal

from napari_m2n2.annotation.jobs import Settings
from napari_m2n2.annotation.overlays import Overlay
from napari_m2n2.annotation.preferences import Preferences

_DEFAULTS = Preferences()

WRITING = {"overwrite", "semantic", "class_value"}
"""What of the state says how an object is written to the labels."""


@dataclass(eq=False)
class State:
    """What was chosen; `changed` tells the name of what was given another value.

    Attributes
    ----------
    image : Image, optional
        The image chosen, which the next object will be in; channels are those of this image.
    settings : Settings
        How to segment.
    contrast : str
        Where black and white come from: "layer" or "percentile".
    channel_axis : int, optional
        The axis of the image, counted without colours, that has channels.
    channels : tuple of int
        Which of them the model sees.
    more_images : tuple of Image
        Layers that are further channels of the image.
    region : str
        What is outlined: the "plane", what is in "view", or the "drawn" rectangle.
    drawn : tuple of points
        Points of the world around the rectangle that was drawn; none if none was.
    most_pixels : int
        Above it planes and regions are reduced.
    overlay : str
        What is shown above the image.
    show_image : bool
        Whether the image is shown as the model sees it.
    opacity : float
        Of the overlay and the labels, 0 to 1.
    contour : bool
        Whether it is shown where the outline is unsure.
    foreground : bool
        Whether the next prompt is foreground.
    kept_planes : int
        How many planes stay encoded.
    overwrite : bool
        Whether an object takes the pixels of others too; what was painted by hand stays always.
    semantic : bool
        Whether objects are written with the number of a class instead of one of their own.
    class_value : int
        The class of the next object.
    """

    changed: ClassVar[Signal] = Signal(str)

    image: Image | None = None
    settings: Settings = field(default_factory=Settings)
    contrast: Literal["layer", "percentile"] = _DEFAULTS.contrast
    channel_axis: int | None = None
    channels: tuple[int, ...] = ()
    more_images: tuple[Image, ...] = ()
    region: Literal["plane", "view", "drawn"] = _DEFAULTS.region
    drawn: tuple[tuple[float, ...], ...] = ()
    most_pixels: int = _DEFAULTS.most_pixels
    overlay: Overlay = _DEFAULTS.overlay
    show_image: bool = False
    opacity: float = _DEFAULTS.opacity
    contour: bool = False
    foreground: bool = True
    kept_planes: int = _DEFAULTS.kept_planes
    overwrite: bool = False
    semantic: bool = False
    class_value: int = 1

    @classmethod
    def from_preferences(cls, preferences: Preferences) -> State:
        """Begin with what the user prefers."""
        return cls(
            settings=preferences.settings,
            contrast=preferences.contrast,
            region=preferences.region,
            most_pixels=preferences.most_pixels,
            overlay=preferences.overlay,
            opacity=preferences.opacity,
            kept_planes=preferences.kept_planes,
        )

    def __setattr__(self, name: str, value: Any) -> None:
        """Take a value over, and tell of it if it is another one."""
        # while it is being made there is nothing to compare with, and nobody who listens
        before = self.__dict__.get(name, value)
        super().__setattr__(name, value)
        if before != value:
            self.changed.emit(name)
