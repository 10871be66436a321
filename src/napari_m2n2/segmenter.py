"""The one door for viewer, command line and evaluation: an image, then prompts, then masks."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_m2n2 import devices
from napari_m2n2.attention.base import Attention, Backbone
from napari_m2n2.attention.keeping import AttentionStore, open_store
from napari_m2n2.attention.options import NAMES, BackboneOptions, check_options
from napari_m2n2.attention.weights import Weights
from napari_m2n2.errors import InputError
from napari_m2n2.image import Contrast, to_rgb
from napari_m2n2.progress import Progress, ignore
from napari_m2n2.prompts import Thresholds, check_prompts
from napari_m2n2.segmentation.parameters import Parameters, resolve
from napari_m2n2.segmentation.preparing import Preparer
from napari_m2n2.segmentation.refined import Refined
from napari_m2n2.segmentation.regions import Regions, check_by, find_regions
from napari_m2n2.segmentation.registry import REFINERS
from napari_m2n2.segmentation.result import Result
from napari_m2n2.segmentation.solved import Solver
from napari_m2n2.segmentation.text import TextMasks

__all__ = ["Result", "Segmenter"]


class Segmenter:
    """Segments one image after another from prompts.

    Parameters
    ----------
    backbone : str or Backbone
        A name (`napari_m2n2.attention.registry.names`) or an object with ``attend(rgb)``.
    method : str
        One of `napari_m2n2.segmentation.registry.METHODS`: "m2n2", "mis", "dwc", "iseg", ...
    preset : str
        "published" does what the published implementation of M2N2 does; "default" differs from it
        where the evaluation of this backbone showed a gain.
    refine : {"pdm"}, optional
        What mends outlines after the method: "pdm" spreads the score among pixels of like colour
        (`napari_m2n2.segmentation.pixel_diffusion`). By default nothing.
    device : str
        "auto", "cpu", "cuda", "cuda:1", "mps".
    store : AttentionStore, path or True, optional
        Where attention is kept, so that a plane that was seen before takes a fraction of the time:
        a store, its folder, or True for the usual folder. Attention is then rounded to half
        precision (`napari_m2n2.attention.rounding`) at the first visit as at every later one.
    **parameters
        Any field of `napari_m2n2.segmentation.parameters.Parameters`, for example ``grid=96``, and
        for a backbone with weights any of `napari_m2n2.attention.options.BackboneOptions`, for
        example ``weights="folder"`` or ``timestep=50``.

    Attributes
    ----------
    parameters : Parameters
    options : BackboneOptions
    device : str
        Where it runs, as torch calls it.
    store : AttentionStore or None

    Raises
    ------
    InputError
        If a name is unknown or a value out of range.

    Notes
    -----
    One object serves one thread at a time. Weights are looked for, fetched and loaded by the first
    image; segmenters with the same weights on the same device share one copy.
    """

    def __init__(
        self,
        backbone: str | Backbone = "texture",
        *,
        method: str = "m2n2",
        preset: str = "default",
        refine: str | None = None,
        device: str = "auto",
        store: AttentionStore | str | Path | bool | None = None,
        **parameters: Any,
    ) -> None:
        if refine is not None and refine not in REFINERS:
            raise InputError(
                f"The refinement {refine!r} is unknown; choose {' or '.join(REFINERS)}, or None."
            )
        self.refine = refine
        self.method = method
        self.preset = preset
        self.device = devices.resolve(device)
        given = {option: parameters.pop(option) for option in NAMES if option in parameters}
        self.options: BackboneOptions = check_options(given)
        name = backbone if isinstance(backbone, str) else ""
        self.parameters: Parameters = resolve(method, preset, name, parameters, self.device)
        self.store = open_store(store)
        self._prepare = Preparer(
            backbone, method, self.parameters, self.options, self.device, self.store
        )
        self._source = self._prepare.source
        self.backbone_name = self._source.name
        self._solver: Solver | None = None
        self._given: Attention | None = None
        self._texts = TextMasks(self._source, self.parameters)
        self._prepare_seconds = 0.0

    @property
    def weights(self) -> Weights | None:
        """The backbone's weights; None before the first image, and where it has none."""
        return self._source.weights

    @property
    def grid(self) -> tuple[int, int] | None:
        """Rows and columns of the attention grid; None before the first image."""
        return None if self._solver is None else self._solver.plane.grid

    @property
    def rgb(self) -> NDArray[np.float32] | None:
        """The image as the method sees it, (H, W, 3) in [0, 1]; None before the first image."""
        return None if self._solver is None else self._solver.plane.rgb

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
            Used instead of the backbone's; there is no zoom-in then.
        progress : callable, optional
            Called as ``progress(phase, fraction)`` with the phases "attention" and "transition",
            and with those of a backbone with weights ("downloading ...", "weights", "encode"); it
            may raise `Cancelled`. Whatever is raised, the image set before stays.

        Raises
        ------
        MissingError, FileError
            If the backbone's weights are not there and cannot be had.
        NoMemoryError
            If it does not fit into memory. Everything but the image set before is given back.
        """
        began = time.perf_counter()
        rgb = to_rgb(image, channel_axis=channel_axis, channels=channels, contrast=contrast)
        solver = self._source.within_memory(lambda: self._prepare(rgb, attention, progress))
        self._solver = Refined(solver) if self.refine == "pdm" else solver
        self._given = attention
        self._prepare_seconds = time.perf_counter() - began

    def encode(
        self,
        image: Any,
        *,
        channel_axis: int | None = None,
        channels: int | Sequence[int] | None = None,
        contrast: Contrast = None,
        progress: Progress = ignore,
    ) -> bool:
        """Put into the store what `set_image` of this image would have to compute.

        Parameters are those of `set_image`, and so are the errors.

        Returns
        -------
        bool
            Whether anything was missing; False leaves the store as it is.

        Raises
        ------
        InputError
            If there is no store, or the backbone is an object of the user's.
        """
        rgb = to_rgb(image, channel_axis=channel_axis, channels=channels, contrast=contrast)
        return self._source.within_memory(lambda: self._prepare.encode(rgb, progress))

    def is_encoded(
        self,
        image: Any,
        *,
        channel_axis: int | None = None,
        channels: int | Sequence[int] | None = None,
        contrast: Contrast = None,
    ) -> bool:
        """Tell whether the store has all that `encode` would put there; see there."""
        rgb = to_rgb(image, channel_axis=channel_axis, channels=channels, contrast=contrast)
        return self._prepare.is_encoded(rgb, ignore)

    def segment(
        self,
        points: ArrayLike,
        labels: ArrayLike,
        *,
        boxes: ArrayLike = (),
        scribbles: Sequence[tuple[ArrayLike, Any]] = (),
        text: str | None = None,
        mask: ArrayLike | None = None,
        thresholds: Thresholds = None,
        draft: bool = False,
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
        text : str, optional
            What to look for, for a backbone that understands text (Stable Diffusion). Of several
            phrases, parted by semicolons, the first is the object and the others are not it:
            "nucleus; background". It makes a rough mask, which counts as `mask` does.
        mask : (H, W) or (k, H, W) array-like of bool, optional
            A rough mask of the object to begin with, or of several parts of it.
        thresholds : mapping of int to float or (n,) array-like, optional
            λ in [0, 1] of points by their index, or of all points with NaN where it is to be
            chosen. Needs no new map. Of several for one pixel the last one counts.
        draft : bool
            Leave the outline where the maps say, for instance while a λ is being dragged: fitting
            it to the image may take seconds on large objects.
        progress : callable, optional
            Called as ``progress(phase, fraction)`` with the phases "Markov map" and "upsampling",
            and "zoom-in" where a small object is zoomed into; it may raise `Cancelled`, after
            which the same call goes on where it stopped.

        Raises
        ------
        InputError
            If no image was set, a prompt lies outside of it, or the arrays do not fit.
        """
        solver = self._prepared()
        prompts = check_prompts(
            points,
            labels,
            solver.plane.shape,
            boxes=boxes,
            scribbles=scribbles,
            mask=mask,
            thresholds=thresholds,
        )
        if text is not None:
            prompts = self._source.within_memory(
                lambda: self._texts.added(prompts, text, solver.plane.rgb, progress)
            )
        solved = self._source.within_memory(
            lambda: solver.solve(prompts, draft=draft, progress=progress)
        )
        return Result.of(solved, self._prepare_seconds, str(self.weights or ""))

    def distance_maps(
        self, points: ArrayLike, *, progress: Progress = ignore
    ) -> NDArray[np.float32]:
        """Return the distance map of each point, (n, H, W) in [0, 1]: 0 at the point.

        A pixel belongs to the segment of a point where its map is at most the point's λ. Points
        that were segmented shortly before need no new map. Parameters and errors are those of
        `segment`.
        """
        solver = self._prepared()
        return self._source.within_memory(lambda: solver.distance_maps(points, progress))

    def regions(
        self,
        by: str = "mis",
        *,
        partial: Callable[[Regions], None] | None = None,
        progress: Progress = ignore,
    ) -> Regions:
        """Part the image into nested regions, without a prompt.

        ``segmenter.regions().labels(20)`` are 20 regions as a label image. Parameters and errors
        are those of `napari_m2n2.segmentation.regions.find_regions`, and of `set_image`, since
        the attention is asked for again.
        """
        check_by(by)
        rgb = self._prepared().plane.rgb

        def find() -> Regions:
            attention = self._given or self._source.attend(rgb, progress)
            own = self.parameters
            return find_regions(by, rgb, attention, own, partial=partial, progress=progress)

        return self._source.within_memory(find)

    def _prepared(self) -> Solver:
        """Return what solves the image, or say that there is none."""
        if self._solver is None:
            raise InputError("No image was set; call set_image first.")
        return self._solver
