"""What is evaluated, by name: the methods of `Segmenter`, and the peers under the same clicks.

Imports nothing heavy, so that a command line can list the methods at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Protocol

from napari_m2n2.errors import InputError
from napari_m2n2.progress import Progress, ignore
from napari_m2n2.segmentation.registry import METHODS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from napari_m2n2.evaluation.peers.base import Method
    from napari_m2n2.evaluation.runs import Settings
    from napari_m2n2.image import Contrast

PEERS = ("random-walker", "graph-cut", "geodesic", "sam")
"""The methods that are not ours (docs/peers.md)."""


class Prediction(Protocol):
    """What clicks on a plane give."""

    @property
    def mask(self) -> NDArray[np.bool_]:
        """The object, (H, W)."""

    @property
    def timings(self) -> Mapping[str, float]:
        """Seconds: "maps" (what new clicks cost), "score" (the mask) and "total" (both)."""


class Predictor(Protocol):
    """Something that segments one image after another from clicks; a `Segmenter` is one."""

    def set_image(
        self,
        image: Any,
        *,
        channels: int | Sequence[int] | None = None,
        contrast: Contrast = None,
    ) -> None:
        """Take an image, (H, W) or (H, W, C), and do all that does not depend on clicks."""

    def segment(self, points: ArrayLike, labels: ArrayLike) -> Prediction:
        """Return the object that points (row, column) with labels (True = foreground) mean."""


def names() -> tuple[str, ...]:
    """Return every method that can be evaluated, M2N2 first."""
    return *METHODS, *PEERS


def create(settings: Settings, *, progress: Progress = ignore) -> Predictor:
    """Make what the settings name.

    Parameters
    ----------
    settings : Settings
        Peers have no use for `backbone`, `preset` and `grid`; their `parameters` are those of
        their class. `device` and `weights` are for the backbone, or for SAM.
    progress : callable, optional
        Called while weights are fetched or read; it may raise `Cancelled`.

    Raises
    ------
    InputError
        If the method, a parameter or a value of one is unknown.
    MissingError
        If a package or weights have to be installed or downloaded first.
    """
    if settings.method in PEERS:
        from napari_m2n2.evaluation.peers.base import Peer

        return Peer(_peer(settings, progress))
    if settings.method not in METHODS:
        raise InputError(
            f"The method {settings.method!r} is unknown; choose one of {', '.join(names())}."
        )
    from napari_m2n2.segmenter import Segmenter

    parameters = dict(settings.parameters)
    if settings.grid is not None:
        parameters["grid"] = settings.grid
    if settings.weights is not None:
        parameters["weights"] = settings.weights
    return Segmenter(
        settings.backbone,
        method=settings.method,
        preset=settings.preset,
        device=settings.device,
        **parameters,
    )


def _peer(settings: Settings, progress: Progress) -> Method:
    """Make the method of a peer."""
    if settings.method == "sam":
        from napari_m2n2.evaluation.peers import sam

        _check_names(settings, ("model",))
        return sam.load(
            settings.weights, device=settings.device, progress=progress, **settings.parameters
        )
    kind: type[Any]
    if settings.method == "random-walker":
        from napari_m2n2.evaluation.peers.random_walker import RandomWalker as kind
    elif settings.method == "graph-cut":
        from napari_m2n2.evaluation.peers.graph_cut import GraphCut as kind
    else:
        from napari_m2n2.evaluation.peers.geodesic import Geodesic as kind
    _check_names(settings, tuple(field.name for field in fields(kind)))
    method: Method = kind(**settings.parameters)
    return method


def _check_names(settings: Settings, known: Sequence[str]) -> None:
    """Say so if a parameter is none of the peer's."""
    for name in settings.parameters:
        if name not in known:
            raise InputError(
                f"The parameter {name!r} of {settings.method} is unknown; there are "
                f"{', '.join(known)}."
            )
