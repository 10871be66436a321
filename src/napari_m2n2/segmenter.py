"""The one door for viewer, command line and evaluation: an image, then prompts, then masks."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from napari_m2n2 import devices
from napari_m2n2.attention import registry
from napari_m2n2.attention.base import Attention, Backbone
from napari_m2n2.errors import InputError
from napari_m2n2.image import Contrast, to_rgb
from napari_m2n2.progress import Progress, ignore
from napari_m2n2.prompts import check_prompts
from napari_m2n2.segmentation.nearest import combine
from napari_m2n2.segmentation.parameters import Parameters, resolve
from napari_m2n2.segmentation.plane import PreparedPlane, prepare
from napari_m2n2.segmentation.seeds import (
    Seed,
    choose_thresholds,
    force,
    make_seeds,
    thresholds_by_point,
)
from napari_m2n2.segmentation.selection import Candidates, find_candidates

_CACHE_BYTES = 1 << 29
"""Memory for the maps of earlier prompts; the least recently used go first."""


@dataclass(frozen=True, eq=False)
class Result:
    """What the prompts of a plane give.

    Attributes
    ----------
    mask : (H, W) bool array
        The object.
    score : (H, W) float32 array
        Signed soft score in [-1, 1]: positive in the object, 0 on its boundary.
    thresholds : (n,) float64 array
        λ of each point, in the order given, in units of its own distance map; NaN for a point
        whose pixel was given again later with the other label.
    timings : mapping of str to float
        Seconds: "prepare" (the image, once), "maps" (new distance maps), "score" (thresholds and
        mask) and "total" (maps and score).
    """

    mask: NDArray[np.bool_]
    score: NDArray[np.float32]
    thresholds: NDArray[np.float64]
    timings: Mapping[str, float]


class Segmenter:
    """Segments one image after another from prompts.

    Parameters
    ----------
    backbone : str or Backbone
        A name (`napari_m2n2.attention.registry.names`) or an object with ``attend(rgb)``.
    method : str
        "m2n2", "m2n2-no-flood", "attention-nn" or "kl-nn".
    preset : str
        "published" does what the published implementation of M2N2 does; "default" differs from it
        where the evaluation of this backbone showed a gain.
    refine : None
        No refinement of outlines exists yet.
    device : str
        "auto", "cpu", "cuda", "cuda:1", "mps".
    **parameters
        Any field of `napari_m2n2.segmentation.parameters.Parameters`, for example ``grid=96``.

    Raises
    ------
    InputError
        If a name is unknown or a value out of range.

    Notes
    -----
    One object serves one thread at a time.
    """

    def __init__(
        self,
        backbone: str | Backbone = "texture",
        *,
        method: str = "m2n2",
        preset: str = "default",
        refine: None = None,
        device: str = "auto",
        **parameters: Any,
    ) -> None:
        if refine is not None:
            raise InputError(f"The refinement {refine!r} is unknown; there is none yet, use None.")
        if not isinstance(backbone, str) and not isinstance(backbone, Backbone):
            raise InputError("The backbone has no attend(rgb); give a name or an object with it.")
        self.backbone_name = backbone if isinstance(backbone, str) else type(backbone).__name__
        self.parameters: Parameters = resolve(
            method, preset, backbone if isinstance(backbone, str) else "", parameters
        )
        self.method = method
        self.preset = preset
        self.device = devices.resolve(device)
        self._backbone = (
            registry.create(backbone, self.parameters.grid)
            if isinstance(backbone, str)
            else backbone
        )
        self._plane: PreparedPlane | None = None
        self._prepare_seconds = 0.0
        self._cache: OrderedDict[bytes, Candidates] = OrderedDict()

    @property
    def grid(self) -> tuple[int, int] | None:
        """Rows and columns of the attention grid; None before the first image."""
        return None if self._plane is None else self._plane.grid

    @property
    def rgb(self) -> NDArray[np.float32] | None:
        """The image as the method sees it, (H, W, 3) in [0, 1]; None before the first image."""
        return None if self._plane is None else self._plane.rgb

    def set_image(
        self,
        image: Any,
        *,
        channel_axis: int | None = None,
        channels: int | Sequence[int] | None = None,
        contrast: Contrast = None,
        attention: Attention | None = None,
        progress: Progress = ignore,
    ) -> None:
        """Take an image and do all that does not depend on prompts.

        Parameters
        ----------
        image : array-like, (H, W) or (H, W, C)
            One plane of any real type.
        channel_axis, channels, contrast
            See `napari_m2n2.image.to_rgb`.
        attention : Attention, optional
            Used instead of the backbone's.
        progress : callable, optional
            Called as ``progress(phase, fraction)`` with the phases "attention" and "transition";
            it may raise `Cancelled`. Whatever is raised, the image set before stays.
        """
        began = time.perf_counter()
        rgb = to_rgb(image, channel_axis=channel_axis, channels=channels, contrast=contrast)
        with torch.inference_mode():
            progress("attention", 0.0)
            if attention is None:
                attention = self._backbone.attend(rgb)
            progress("attention", 1.0)
            plane = prepare(rgb, attention, self.method, self.parameters, self.device, progress)
        self._plane = plane
        self._cache.clear()
        self._prepare_seconds = time.perf_counter() - began

    def segment(
        self,
        points: ArrayLike,
        labels: ArrayLike,
        *,
        boxes: ArrayLike = (),
        scribbles: Sequence[tuple[ArrayLike, Any]] = (),
        text: str | None = None,
        mask: ArrayLike | None = None,
        progress: Progress = ignore,
    ) -> Result:
        """Return the object that the prompts mean.

        Parameters
        ----------
        points : (n, 2) array-like
            (row, column); pixel centres lie at whole numbers. Without any foreground the mask is
            empty. Where one pixel is given twice, the later label counts.
        labels : (n,) array-like
            True or 1 = foreground, False or 0 = background.
        boxes : (m, 4) array-like
            (row, column, row, column) of opposite corners, each around the whole object.
        scribbles : sequence of (path, label)
            `path` is a (k, 2) array of (row, column) of a line drawn by the user.
        text : None
            No backbone here understands text.
        mask : (H, W) array-like of bool, optional
            A rough mask of the object to begin with.
        progress : callable, optional
            Called as ``progress(phase, fraction)`` with the phases "Markov map" and "upsampling";
            it may raise `Cancelled`, after which the same call goes on where it stopped.

        Raises
        ------
        InputError
            If no image was set, a prompt lies outside of it, or the arrays do not fit.
        """
        if self._plane is None:
            raise InputError("No image was set; call set_image first.")
        if text is not None:
            raise InputError(
                f"The backbone {self.backbone_name!r} does not understand text; use points."
            )
        plane = self._plane
        prompts = check_prompts(
            points, labels, plane.shape, boxes=boxes, scribbles=scribbles, mask=mask
        )
        began = time.perf_counter()
        seeds = make_seeds(prompts, plane.shape, plane.grid)
        with torch.inference_mode():
            candidates = self._candidates(plane, seeds, progress)
        mapped = time.perf_counter()
        chosen = choose_thresholds(candidates, seeds)
        result, score = combine(
            [c.distance for c in candidates], chosen, [s.label for s in seeds], plane.shape
        )
        force(prompts, result, score)
        ended = time.perf_counter()
        return Result(
            mask=result,
            score=score,
            thresholds=thresholds_by_point(prompts, seeds, chosen),
            timings=MappingProxyType(
                {
                    "prepare": self._prepare_seconds,
                    "maps": mapped - began,
                    "score": ended - mapped,
                    "total": ended - began,
                }
            ),
        )

    def _candidates(
        self, plane: PreparedPlane, seeds: Sequence[Seed], progress: Progress
    ) -> list[Candidates]:
        """Return the distance map of each seed, making those that are not kept yet."""
        keys = [seed.key for seed in seeds]
        new = {k: s for k, s in zip(keys, seeds, strict=True) if k not in self._cache}
        if new:
            maps = plane.distances([seed.pixel for seed in new.values()], progress)
            for (key, seed), distance in zip(new.items(), maps, strict=True):
                self._cache[key] = find_candidates(
                    distance, self.parameters, image_gradient=plane.edges, region=seed.region
                )
        found = []
        for key in keys:
            self._cache.move_to_end(key)
            found.append(self._cache[key])
        held = sum(candidates.nbytes for candidates in self._cache.values())
        while held > _CACHE_BYTES and len(self._cache) > len(seeds):
            held -= self._cache.popitem(last=False)[1].nbytes
        return found
