"""How planes are segmented in other processes: all that a segmenter is made with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from napari_m2n2.annotation.jobs import Settings
from napari_m2n2.attention.keeping import AttentionStore
from napari_m2n2.segmenter import Segmenter


@dataclass(frozen=True)
class Engine(Settings):
    """Settings of the window, and what the command line can say besides.

    Attributes
    ----------
    options : mapping of str
        Further parameters of `napari_m2n2.segmenter.Segmenter`, for instance of the weights;
        nothing in it is None.
    store : str, optional
        The folder of the store of attention, which other processes see too; None uses none, and
        "" one that keeps nothing, so that attention is rounded as in the window.
    """

    options: Mapping[str, Any] = field(default_factory=dict, hash=False)
    store: str | None = None


def create(settings: Settings) -> Segmenter:
    """Make a segmenter; those of a process share what they know of the store.

    Raises
    ------
    InputError
        If a name is unknown or a value out of range.
    """
    own: dict[str, Any] = {}
    if isinstance(settings, Engine):
        own |= settings.options
        if settings.store is not None:
            own["store"] = open_kept(settings.store)
    if settings.grid is not None:
        own["grid"] = settings.grid
    return Segmenter(
        settings.backbone,
        method=settings.method,
        preset=settings.preset,
        device=settings.device,
        refine=settings.refine,
        **own,
    )


@lru_cache(maxsize=1)
def open_kept(folder: str) -> AttentionStore:
    """Return the store in a folder; planes come once, so that none is kept in memory.

    What is wrong with it stands in its `problem`, and is told by whoever is asked to by the user.
    """
    return AttentionStore(Path(folder) if folder else None, memory=0, warn=lambda sentence: None)
