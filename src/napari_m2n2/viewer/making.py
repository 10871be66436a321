"""What made a mask: the settings of its job, and how the image was looked at."""

from __future__ import annotations

from dataclasses import replace

from napari_m2n2.annotation.jobs import Job, Segmented
from napari_m2n2.annotation.planes import Plane
from napari_m2n2.annotation.provenance import ChannelView, Provenance, view_of
from napari_m2n2.viewer.source import ImageSource


def made_by(source: ImageSource, plane: Plane, job: Job, outcome: Segmented) -> Provenance:
    """Return what has to be known to make the outcome of a job once more."""
    return Provenance.of(
        job.settings,
        outcome,
        contrast=job.contrast,
        channels=_views(source, plane),
        level=source.level,
    )


def _views(source: ImageSource, plane: Plane) -> tuple[ChannelView, ...]:
    """Return how the channels of a plane are looked at; nothing for the layer as it is."""
    channels = source.channels_of(plane)
    if len(channels) == 1 and source.channel_axis is None:
        return ()
    views = []
    for channel in channels:
        layer = channel.data
        own = layer is source.image
        path = "" if own else (layer.source.path or "")
        views.append(replace(view_of(channel), layer="" if own else layer.name, path=str(path)))
    return tuple(views)
