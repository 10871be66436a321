"""What made a mask: all that has to be known to make it once more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from napari_m2n2.annotation.jobs import Segmented, Settings
from napari_m2n2.image import Contrast

if TYPE_CHECKING:
    from napari_m2n2.annotation.channels import Channel

Way: TypeAlias = Literal["prompts", "propagated", "interpolated", "drawn", "merged"]
"""How a mask came about. "propagated" has prompts too, carried over from another plane;
"interpolated" lies between two planes; "drawn" was painted by hand or brought along."""

RECOMPUTED: tuple[Way, ...] = ("prompts", "propagated")
"""The ways that prompts and a segmenter can go once more."""


@dataclass(frozen=True)
class ChannelView:
    """How one channel of the image was looked at.

    Attributes
    ----------
    layer : str
        The name of the layer; empty for the image of the session.
    path : str
        The file of that layer; empty for the image of the session, or where there is none.
    hidden : tuple of (axis, index)
        The plane of the layer's array along the axes that are not on screen, channels included.
    contrast : (float, float) or "percentile", optional
    colour : (float, float, float)
    """

    layer: str = ""
    path: str = ""
    hidden: tuple[tuple[int, int], ...] = ()
    contrast: Contrast = None
    colour: tuple[float, float, float] = (1.0, 1.0, 1.0)


@dataclass(frozen=True)
class Provenance:
    """What made the mask of an object on a plane.

    Attributes
    ----------
    way : str
        See `Way`.
    backbone, weights, preset, method : str
        `weights` is "" for a backbone without any.
    refine : str, optional
    grid : int, optional
        Cells along each side, as `Settings` counts them; None where it is not known.
    cells : (int, int)
        Cells down and across that there were.
    device : str
        Where it ran.
    contrast : (float, float) or "percentile", optional
        The grey values that became black and white, see `napari_m2n2.image.to_rgb`.
    channels : tuple of ChannelView
        The channels that the image was made from; none for the layer as it is.
    level : int
        The level of a multi-scale image.
    version : str
        Of this program.
    """

    way: Way = "prompts"
    backbone: str = "texture"
    weights: str = ""
    preset: str = "default"
    method: str = "m2n2"
    refine: str | None = None
    grid: int | None = None
    cells: tuple[int, int] = (0, 0)
    device: str = ""
    contrast: Contrast = None
    channels: tuple[ChannelView, ...] = ()
    level: int = 0
    version: str = ""

    @classmethod
    def of(
        cls,
        settings: Settings,
        outcome: Segmented,
        *,
        contrast: Contrast = None,
        channels: Sequence[ChannelView] = (),
        level: int = 0,
        way: Way = "prompts",
    ) -> Provenance:
        """Return what made an outcome, with the settings and the look of the image asked for."""
        from napari_m2n2 import __version__

        return cls(
            way=way,
            backbone=settings.backbone,
            weights=outcome.weights,
            preset=settings.preset,
            method=settings.method,
            refine=settings.refine,
            grid=_grid_of(settings, outcome.device),
            cells=outcome.grid,
            device=outcome.device,
            contrast=contrast,
            channels=tuple(channels),
            level=level,
            version=__version__,
        )

    def settings(self, device: str = "auto") -> Settings:
        """Return the settings that make the same, on a device."""
        return Settings(
            backbone=self.backbone,
            method=self.method,
            preset=self.preset,
            grid=self.grid,
            device=device,
            refine=self.refine,
        )


def _grid_of(settings: Settings, device: str) -> int:
    """Return the grid there was; one that was left to the backbone may be another elsewhere."""
    from napari_m2n2.segmentation.parameters import resolve

    own = {} if settings.grid is None else {"grid": settings.grid}
    names = settings.method, settings.preset, settings.backbone
    return resolve(*names, own, device or "cpu").grid


def view_of(channel: Channel, layer: str = "", path: str = "") -> ChannelView:
    """Return how a channel is looked at, with the name and file of its layer."""
    return ChannelView(layer, path, channel.plane.hidden, channel.contrast, channel.colour)
