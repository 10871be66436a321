"""Making the objects of a session once more from their prompts, and comparing.

Each plane is computed by what its record says it was made with. What can differ: another version,
other weights, another device.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.annotation.channels import AS_IT_IS, Channel, read_channels
from napari_m2n2.annotation.compute import Computer
from napari_m2n2.annotation.jobs import Failed, Job, Segmented
from napari_m2n2.annotation.newest import Compute
from napari_m2n2.annotation.objects import AnnotatedObject
from napari_m2n2.annotation.planes import Plane
from napari_m2n2.annotation.provenance import RECOMPUTED, ChannelView, Provenance
from napari_m2n2.annotation.reading import read_region
from napari_m2n2.annotation.region import Region, whole_plane
from napari_m2n2.annotation.resume import Resumed, plane_view
from napari_m2n2.annotation.session import PromptedPlane, parts_of, prompted_planes
from napari_m2n2.errors import Cancelled
from napari_m2n2.image import Contrast
from napari_m2n2.progress import Progress, ignore

Arrays: TypeAlias = Callable[[ChannelView | None], Any]
"""Gives the array of the session's image (None), or of the layer that a channel was of."""


@dataclass(frozen=True)
class ReplayedPlane:
    """One plane of one object, made once more.

    Attributes
    ----------
    plane : Plane
    iou : float
        Of what was recomputed with what the labels have; 1 where both are empty, 0 where it
        could not be made.
    equal : bool
        Whether they are equal to the pixel.
    area, recomputed : int
        Pixels in the labels, and recomputed.
    note : str
        Why it was not recomputed, or what is other than it was; "" for nothing.
    """

    plane: Plane
    iou: float
    equal: bool
    area: int
    recomputed: int
    note: str = ""


@dataclass(frozen=True)
class ReplayedObject:
    """One object, made once more.

    Attributes
    ----------
    id : int
    name : str
    planes : tuple of ReplayedPlane
        Those that were made from prompts.
    left_out : int
        Planes that were drawn by hand or interpolated, which no prompt can make.
    """

    id: int
    name: str
    planes: tuple[ReplayedPlane, ...]
    left_out: int = 0

    @property
    def iou(self) -> float:
        """The worst of its planes; 1 for an object without any."""
        return min((plane.iou for plane in self.planes), default=1.0)

    @property
    def equal(self) -> bool:
        """Whether all planes are equal to the pixel."""
        return all(plane.equal for plane in self.planes)


def replay(
    resumed: Resumed,
    arrays: Arrays,
    *,
    compute: Compute | None = None,
    device: str = "auto",
    progress: Progress = ignore,
) -> Iterator[ReplayedObject]:
    """Make each object of a session once more.

    Parameters
    ----------
    resumed : Resumed
        The session and its labels.
    arrays : callable
        Where the pixels come from.
    compute : Compute, optional
        By default `napari_m2n2.annotation.compute.Computer`.
    device : str
        "auto", "cpu", "cuda", "mps".
    progress : callable, optional
        Called as ``progress(phase, fraction)``; it may raise `Cancelled`.

    Yields
    ------
    ReplayedObject
        In the order of the session.

    Notes
    -----
    Pixels that hold another value are not compared: they were left to others, or taken by them.
    Strokes of the brush are, since no prompt could make them.
    """
    compute = Computer() if compute is None else compute
    objects = resumed.session.objects
    for number, known in enumerate(objects):

        def tell(phase: str, fraction: float, done: int = number) -> None:
            progress(f"{phase}, object {done + 1} of {len(objects)}", fraction)

        yield _replay_object(known, resumed, arrays, compute, device, tell)


def _replay_object(
    known: AnnotatedObject,
    resumed: Resumed,
    arrays: Arrays,
    compute: Compute,
    device: str,
    progress: Progress,
) -> ReplayedObject:
    """Make one object once more."""
    found: dict[Plane, tuple[NDArray[np.bool_], list[str]]] = {}
    possible: dict[Plane, bool] = {}
    prompted = {(p.part.id, p.plane): p for p in prompted_planes(known)}
    for part in parts_of(known):
        for plane, record in part.records.items():
            made = record.made
            one = prompted.get((part.id, plane))
            fits = one is not None and (made is None or made.way in RECOMPUTED)
            possible[plane] = fits and possible.get(plane, True)
    for one in prompted.values():
        if not possible[one.plane]:
            continue
        mask, note = _compute(one, arrays, compute, device, progress)
        before, notes = found.get(one.plane, (np.zeros(one.plane.size, bool), []))
        found[one.plane] = before | mask, [*notes, *([note] if note else [])]
    planes = tuple(
        _compare(known, plane, mask, resumed, " ".join(dict.fromkeys(notes)))
        for plane, (mask, notes) in found.items()
    )
    return ReplayedObject(known.id, known.name, planes, len(known.records) - len(planes))


def _compute(
    one: PromptedPlane, arrays: Arrays, compute: Compute, device: str, progress: Progress
) -> tuple[NDArray[np.bool_], str]:
    """Return the mask (H, W) of a plane, and what there is to say."""
    made = one.record.made or Provenance()
    region = one.record.region or whole_plane(one.plane.size)
    whole = np.zeros(one.plane.size, bool)
    if made.level:
        return whole, f"Level {made.level} of the image cannot be read here."
    read, contrast = look(made, one.plane, region, arrays)
    job = Job(
        read=read,
        key=(one.plane, made.channels),
        prompts=one.prompts,
        contrast=contrast,
        settings=made.settings(device),
        region=region,
    )
    outcome = compute(job, progress, progress)
    if isinstance(outcome, Failed):
        return whole, outcome.message
    if not isinstance(outcome, Segmented):
        raise Cancelled
    whole[region.window] = outcome.mask
    return whole, _difference(made, outcome)


def look(
    made: Provenance, plane: Plane, region: Region, arrays: Arrays
) -> tuple[Callable[[], NDArray[Any]], Contrast]:
    """Return how a region of a plane was read, and its contrast, for a job."""
    if not made.channels:
        return lambda: read_region(arrays(None), plane, region), made.contrast

    def read() -> NDArray[Any]:
        channels = []
        for view in made.channels:
            data = arrays(view)
            shape = tuple(int(n) for n in data.shape[: len(plane.shape)])
            where = Plane(shape, plane.displayed, view.hidden)
            channels.append(Channel(data, where, view.contrast, view.colour))
        return read_channels(channels, region)

    return read, AS_IT_IS


def _difference(made: Provenance, outcome: Segmented) -> str:
    """Tell what is other than when the object was made."""
    from napari_m2n2 import __version__

    pairs = [
        ("version", made.version, __version__),
        ("weights", made.weights, outcome.weights),
        ("device", made.device, outcome.device),
    ]
    other = [
        f"{name} {now} instead of {then}" for name, then, now in pairs if then not in ("", now)
    ]
    return f"Made with {', '.join(other)}." if other else ""


def _compare(
    known: AnnotatedObject, plane: Plane, mask: NDArray[np.bool_], resumed: Resumed, note: str
) -> ReplayedPlane:
    """Compare a mask with the object's pixels."""
    kept = known.records[plane].mask
    there = np.zeros(plane.size, bool) if kept is None else kept.unpack()
    if resumed.labels is not None:
        current = plane_view(resumed.labels, plane)
        mine = current == known.value
        shared = sum(other.value == known.value for other in resumed.session.objects) > 1
        there = mine & there if shared else mine
        # what others hold, of the same class too
        mask = mask & (there | (current == 0))
    common, either = int((mask & there).sum()), int((mask | there).sum())
    return ReplayedPlane(
        plane=plane,
        iou=common / either if either else 1.0,
        equal=common == either,
        area=int(there.sum()),
        recomputed=int(mask.sum()),
        note=note,
    )
