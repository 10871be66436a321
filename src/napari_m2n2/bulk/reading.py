"""Planes that other processes read: where they are, and how they are looked at."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.files.images import check_channels
from napari_m2n2.files.stacks import Index, Stack, StackChoice, open_stack
from napari_m2n2.image import Contrast, to_rgb


@dataclass(frozen=True)
class Look:
    """How a plane becomes an image, see `napari_m2n2.image.to_rgb`.

    Attributes
    ----------
    channels : tuple of int, optional
    contrast : (float, float) or "percentile", optional
    """

    channels: tuple[int, ...] | None = None
    contrast: Contrast = None


@dataclass(frozen=True)
class StackPlane:
    """One plane of a file.

    Attributes
    ----------
    stack : StackChoice
    index : tuple of int
        Where it lies along the axes of the stack.
    look : Look
    """

    stack: StackChoice
    index: Index
    look: Look

    def rgb(self) -> NDArray[np.float32]:
        """Read it as (H, W, 3) in [0, 1].

        Raises
        ------
        FileError
            If the file is missing or damaged.
        InputError
            If it has no such plane, or channels have to be chosen.
        """
        plane = kept_stack(self.stack).plane(self.index)
        check_channels(plane, self.look.channels)
        return to_rgb(
            plane.data,
            channel_axis=plane.channel_axis,
            channels=self.look.channels,
            contrast=self.look.contrast,
        )


_kept = threading.local()
"""The file that each thread has open, since planes of one file come one after another."""


def kept_stack(choice: StackChoice) -> Stack:
    """Return a file, looked into again only if the last one was another."""
    known: Stack | None = getattr(_kept, "stack", None)
    if known is None or known.choice != choice:
        _kept.stack = None
        known = _kept.stack = open_stack(choice)
    return known
