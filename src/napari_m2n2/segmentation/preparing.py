"""From an image to what solves prompts on it: attention, then the work of the method."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module

import numpy as np
import torch
from numpy.typing import NDArray

from napari_m2n2.attention.base import Attention, Backbone, Tensors
from napari_m2n2.attention.identity import derived
from napari_m2n2.attention.keeping import AttentionStore
from napari_m2n2.attention.options import BackboneOptions
from napari_m2n2.attention.registry import TEXTURE
from napari_m2n2.attention.source import AttentionSource
from napari_m2n2.attention.texture import ENLARGED, Texture
from napari_m2n2.errors import InputError
from napari_m2n2.progress import Progress
from napari_m2n2.segmentation.editing import EditingSolver
from napari_m2n2.segmentation.large import PlaneSolvers, make_solver
from napari_m2n2.segmentation.maps import REVISION
from napari_m2n2.segmentation.mending import Mending
from napari_m2n2.segmentation.parameters import Parameters
from napari_m2n2.segmentation.plane import PreparedPlane, prepare
from napari_m2n2.segmentation.registry import METHODS
from napari_m2n2.segmentation.solved import Solver
from napari_m2n2.segmentation.zoom import ZoomSolver

PrepareMethod = Callable[[NDArray[np.float32], Attention, Parameters, Progress], Solver]
"""What a method's module gives: all that depends on the image alone."""


class Preparer:
    """Does all that does not depend on prompts, for one image after another.

    Parameters
    ----------
    backbone : str or Backbone
        A name, or an object with ``attend(rgb)``.
    method : str
    parameters : Parameters
    options : BackboneOptions
    device : str
        As torch calls it.
    store : AttentionStore, optional
        Where attention is kept, and what the walk makes of it.

    Attributes
    ----------
    source : AttentionSource
        Of whole images.
    """

    def __init__(
        self,
        backbone: str | Backbone,
        method: str,
        parameters: Parameters,
        options: BackboneOptions,
        device: str,
        store: AttentionStore | None = None,
    ) -> None:
        self.source = AttentionSource(backbone, parameters.grid, device, options, store)
        self._method = method
        self._parameters = parameters
        self._device = device
        self._store = store
        self._crops = self.source  # an object of the user's has a grid of its own
        grid = parameters.zoom_grid
        if backbone == TEXTURE:
            self._crops = AttentionSource(Texture(grid, ENLARGED), grid, device)
        elif isinstance(backbone, str):
            self._crops = AttentionSource(backbone, grid, device, options, store)

    def __call__(
        self, rgb: NDArray[np.float32], attention: Attention | None, progress: Progress
    ) -> Solver:
        """Return what solves prompts on an image, with its attention if that is known."""
        with torch.inference_mode():
            ours = attention is None and self.source.gives_away
            found = self.source.attend(rgb, progress) if attention is None else attention
            used = _noting(found) if ours else []
            module = METHODS[self._method].module
            if module:
                prepare_method: PrepareMethod = import_module(module).prepare
                moved = found.to(self._device)
                return self._editing(prepare_method(rgb, moved, self._parameters, progress))
            whole = self._solver_of(rgb, found, self._parameters, progress, overwrite=ours)
        if ours and self._store is not None:
            key = self.source.key(rgb)
            if not self._is_kept(self._store, key):
                self._note(self._store, key, used)
        zooms = self._parameters.zoom == "auto" and attention is None
        return self._editing(ZoomSolver(whole, self._crop) if zooms else whole)

    def _editing(self, solver: Solver) -> Solver:
        """Return what takes clicks as edits, if the parameters ask for it and the solver can."""
        strength = self._parameters.correction
        if not strength or not isinstance(solver, Mending):
            return solver
        return EditingSolver(solver, strength, self._parameters.correction_share)

    def is_encoded(self, rgb: NDArray[np.float32], progress: Progress) -> bool:
        """Tell whether the store has all that `encode` puts there."""
        return self._is_kept(*self._place(rgb, progress))

    def encode(self, rgb: NDArray[np.float32], progress: Progress) -> bool:
        """Put what takes long into the store; tell whether anything was missing there."""
        store, key = self._place(rgb, progress)
        if self._is_kept(store, key):
            return False
        with torch.inference_mode():
            found = self.source.attend(rgb, progress)
            used = _noting(found)
            if not METHODS[self._method].module:
                self._solver_of(rgb, found, self._parameters, progress, overwrite=True)
        self._note(store, key, used)
        return True

    def _place(self, rgb: NDArray[np.float32], progress: Progress) -> tuple[AttentionStore, str]:
        """Return the store, and the key of an image's attention there."""
        if self._store is None:
            raise InputError("There is no store to encode into; give one, such as store=True.")
        if not self.source.gives_away:
            raise InputError(
                "The attention of a backbone of one's own cannot be kept, as nobody knows what it "
                "depends on; choose a backbone by its name."
            )
        return self._store, self.source.key(rgb, progress)

    def _is_kept(self, store: AttentionStore, key: str) -> bool:
        """Tell whether all is there that was made of an attention, and itself."""
        noted = store.find_arrays(self._mark(key)) if store.has(key) else None
        return noted is not None and all(store.has(derived(key, said)) for said in _read(noted[0]))

    def _note(self, store: AttentionStore, key: str, used: list[str]) -> None:
        """Note that the method's work on an attention is done, and what of it is kept."""
        store.keep_arrays(self._mark(key), json.dumps(used), {})

    def _mark(self, key: str) -> str:
        """Return the key under which that is noted."""
        own = self._parameters
        said = (self._method, own.temperature, own.ipf_rounds, own.ipf_tolerance, own.walk)
        return derived(key, f"what is kept {json.dumps(said)} {REVISION}")

    def _crop(self, rgb: NDArray[np.float32], progress: Progress) -> PlaneSolvers:
        """Return what solves prompts on a crop."""
        parameters = replace(self._parameters, grid=self._parameters.zoom_grid)
        with torch.inference_mode():
            attention = self._crops.attend(rgb, progress)
            return self._solver_of(rgb, attention, parameters, progress)

    def _solver_of(
        self,
        rgb: NDArray[np.float32],
        attention: Attention,
        parameters: Parameters,
        progress: Progress,
        *,
        overwrite: bool = False,
    ) -> PlaneSolvers:
        """Return what solves prompts on an image of which the attention is known."""
        method, device = self._method, self._device

        def prepared(image: NDArray[np.float32]) -> PreparedPlane:
            return prepare(
                image, attention, method, parameters, device, progress, overwrite=overwrite
            )

        return make_solver(rgb, attention.grid, parameters, prepared)


def _noting(attention: Attention) -> list[str]:
    """Return what will be noted there: each thing that is computed from an attention and kept."""
    used: list[str] = []
    recall = attention.recall

    def noting(description: str, compute: Callable[[], Tensors]) -> Tensors:
        used.append(description)
        return recall(description, compute)

    attention.recall = noting
    return used


def _read(noted: str) -> list[str]:
    """Return what was noted; nothing is ever found under what somebody else wrote."""
    try:
        return [str(said) for said in json.loads(noted)]
    except (ValueError, TypeError):
        return [noted]
