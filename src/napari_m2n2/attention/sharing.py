"""One copy of a model in memory, however many images and grids it is used for.

The window keeps several planes prepared, each with a segmenter of its own; the networks of Stable
Diffusion 2 in float32 take 3.8 GB and must not be there once a plane.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from napari_m2n2.errors import InputError
from napari_m2n2.progress import Progress, ignore

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from napari_m2n2.attention.base import Attention
    from napari_m2n2.attention.hooked import Hooked
    from napari_m2n2.attention.words import Emphasis

_loaded: WeakValueDictionary[Hashable, _Shared] = WeakValueDictionary()
_lock = threading.Lock()


class _Shared:
    """A model, and the lock of whoever runs it."""

    def __init__(self, backbone: Hooked) -> None:
        self.backbone = backbone
        self.lock = threading.Lock()


class OnGrid:
    """A backbone on one grid, whose model may be shared with others.

    Parameters
    ----------
    shared : _Shared
        The model; it is given back with the last user.
    grid : (int, int)
        Rows and columns of cells.
    """

    def __init__(self, shared: _Shared, grid: tuple[int, int]) -> None:
        self._shared = shared
        self.grid = grid

    def attend(self, rgb: NDArray[np.float32], *, progress: Progress = ignore) -> Attention:
        """Return the attention of an RGB image, (H, W, 3) float32 in [0, 1]."""
        with self._shared.lock:
            self._shared.backbone.grid = self.grid
            return self._shared.backbone.attend(rgb, progress=progress)

    def attend_words(
        self,
        rgb: NDArray[np.float32],
        phrases: Sequence[str],
        *,
        emphasis: Emphasis,
        progress: Progress = ignore,
    ) -> tuple[torch.Tensor, Attention]:
        """Return where an image answers to each phrase, (P, N), and its attention meanwhile.

        Raises
        ------
        InputError
            If the model does not understand text.
        """
        backbone = self._shared.backbone
        attend = getattr(backbone, "attend_words", None)
        if attend is None:
            raise InputError(
                f"The backbone {backbone.name!r} does not understand text; use points."
            )
        with self._shared.lock:
            backbone.grid = self.grid
            found: tuple[torch.Tensor, Attention] = attend(
                rgb, phrases, emphasis=emphasis, progress=progress
            )
            return found

    def too_large(self, device: str) -> str:
        """Say that memory ran out, and what would fit."""
        from napari_m2n2.attention import fit

        backbone = self._shared.backbone
        return fit.ran_out(backbone.name, self.grid, device, backbone.need)

    def release(self) -> None:
        """Give the memory of the model back; the next image loads it again."""
        with self._shared.lock:
            self._shared.backbone.release()


def share(key: Hashable, grid: int, make: Callable[[], Hooked]) -> OnGrid:
    """Return a backbone on a grid, with the model that is in memory under this key if any.

    Parameters
    ----------
    key : hashable
        All that the model depends on besides the grid.
    grid : int
        Cells along each side.
    make : callable
        Makes the backbone on this grid if there is none; it sees to it that the grid fits.
    """
    with _lock:
        shared = _loaded.get(key)
        if shared is None:
            shared = _loaded[key] = _Shared(make())
    return OnGrid(shared, (grid, grid))
