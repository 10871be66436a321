"""Regions of a plane that are offered before anybody clicked, and objects described in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.annotation.compute import inference_mode, memory_sentence, refuse_too_large
from napari_m2n2.annotation.jobs import Failed, Settings, Stopped
from napari_m2n2.annotation.kept_attention import kept_attention
from napari_m2n2.errors import Cancelled, UserError, is_out_of_memory
from napari_m2n2.image import Contrast
from napari_m2n2.progress import Progress

if TYPE_CHECKING:
    from napari_m2n2.segmentation.regions import Regions


@dataclass(frozen=True, eq=False)
class Wanted:
    """What is to be found on a plane.

    Attributes
    ----------
    read : callable
        Gives the plane or its region, (h, w) or (h, w, C); called where the work is done.
    contrast : (float, float) or "percentile", optional
    settings : Settings
        The method counts for words only.
    by : str
        A way to find regions (`napari_m2n2.segmentation.registry.REGIONS`).
    text : str
        Words, as `Segmenter.segment` takes them; without any, regions are found.
    """

    read: Callable[[], NDArray[Any]]
    contrast: Contrast
    settings: Settings
    by: str = "mis"
    text: str = ""


@dataclass(frozen=True, eq=False)
class Proposed:
    """Regions were found."""

    regions: Regions


@dataclass(frozen=True, eq=False)
class Described:
    """What the words mean was found: (h, w) bool."""

    mask: NDArray[np.bool_]


Proposal: TypeAlias = Proposed | Described | Failed | Stopped


def find(wanted: Wanted, partial: Callable[[Regions], None], progress: Progress) -> Proposal:
    """Find regions, or what words mean; never raises.

    Parameters
    ----------
    wanted : Wanted
    partial : callable
        Called with the regions so far.
    progress : callable
        May raise `Cancelled`.
    """
    try:
        progress("reading the image", 0.0)
        image = wanted.read()
        refuse_too_large(image)
        progress("loading the method", 0.0)
        return (_described if wanted.text else _proposed)(wanted, image, partial, progress)
    except Cancelled:
        return Stopped()
    except UserError as error:
        return Failed(str(error))
    except Exception as error:  # noqa: BLE001 - a worker never raises
        if is_out_of_memory(error):
            return Failed(memory_sentence(wanted.settings))
        return Failed(f"Something unexpected went wrong ({type(error).__name__}: {error}).")


def _proposed(
    wanted: Wanted,
    image: NDArray[Any],
    partial: Callable[[Regions], None],
    progress: Progress,
) -> Proposed:
    """Find regions."""
    from napari_m2n2.segmentation.finder import RegionFinder

    own = wanted.settings
    given: dict[str, Any] = {} if own.grid is None else {"grid": own.grid}
    finder = RegionFinder(
        own.backbone,
        wanted.by,
        preset=own.preset,
        device=own.device,
        store=kept_attention(),
        **given,
    )
    with inference_mode():
        found = finder.find(image, contrast=wanted.contrast, partial=partial, progress=progress)
    return Proposed(found[1])


def _described(
    wanted: Wanted,
    image: NDArray[Any],
    partial: Callable[[Regions], None],
    progress: Progress,
) -> Described:
    """Find what words mean."""
    from napari_m2n2.segmenter import Segmenter

    own = wanted.settings
    given: dict[str, Any] = {} if own.grid is None else {"grid": own.grid}
    segmenter = Segmenter(
        own.backbone,
        method=own.method,
        preset=own.preset,
        device=own.device,
        refine=own.refine,
        store=kept_attention(),
        **given,
    )
    with inference_mode():
        segmenter.set_image(image, contrast=wanted.contrast, progress=progress)
        found = segmenter.segment([], [], text=wanted.text, progress=progress)
    return Described(np.array(found.mask, dtype=bool))
