"""Rows: a plane with a store of attention, the first time and later."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import numpy as np
from row import Row, Settings
from skimage import data

from napari_m2n2 import Segmenter
from napari_m2n2.attention.keeping import AttentionStore

CLICKS = [(120, 240), (20, 20)], [True, False]


def rows(settings: Settings) -> Iterator[Row]:
    """Yield the rows of this module."""
    image = data.camera()[: settings.shape[0], : settings.shape[1]]
    grid, device = settings.grid, settings.device

    def prepared(store: AttentionStore | None) -> Segmenter:
        segmenter = Segmenter(grid=grid, device=device, store=store)
        segmenter.set_image(image)
        return segmenter

    with tempfile.TemporaryDirectory() as folder:
        fresh = (Path(folder) / str(number) for number in count())
        yield Row(
            name=f"a plane that the store does not have, texture, grid {grid}",
            plain=lambda: prepared(None),
            fast=lambda: prepared(AttentionStore(next(fresh), memory=0)),
            check=apart,
            target="reported",
        )
        known = Path(folder) / "known"
        prepared(AttentionStore(known))
        in_memory = AttentionStore(known)
        places: dict[str, Callable[[], AttentionStore]] = {
            "on the disk": lambda: AttentionStore(known, memory=0),
            "in memory": lambda: in_memory,
        }
        for where, store in places.items():
            yield Row(
                name=f"a plane that is {where}, texture, grid {grid}",
                plain=lambda: prepared(None),
                fast=lambda store=store: prepared(store()),
                check=apart,
                target="≥ 2 ×",
                least=2,
            )


def apart(plain: Segmenter, kept: Segmenter) -> str:
    """Say how far apart the masks are."""
    one, other = (segmenter.segment(*CLICKS).mask for segmenter in (plain, kept))
    return f"IoU {np.sum(one & other) / max(np.sum(one | other), 1):.4f}"
