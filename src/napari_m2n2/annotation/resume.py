"""Opening a session again: the document, its image and its labels, checked against each other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.annotation import labels_file
from napari_m2n2.annotation.identity import check_array, check_image
from napari_m2n2.annotation.objects import AnnotatedObject
from napari_m2n2.annotation.places import labels_path
from napari_m2n2.annotation.planes import Plane
from napari_m2n2.annotation.session import Session, read_session
from napari_m2n2.errors import FileError


@dataclass(frozen=True, eq=False)
class Resumed:
    """A session to go on with.

    Attributes
    ----------
    path : Path
        Of the session file.
    session : Session
    image : Path or None
        Where the image is; None if it never was in a file.
    labels : array or None
        In the type they had; None if nothing was ever written to them.
    notes : tuple of str
        Sentences on what is not as it was left; if there are any, the labels are not what the
        session means, and should be saved with it at once.
    """

    path: Path
    session: Session
    image: Path | None
    labels: NDArray[Any] | None
    notes: tuple[str, ...] = ()


def resume(path: Path | str, *, image: Path | str | None = None, data: Any = None) -> Resumed:
    """Open a session; no file is changed.

    Parameters
    ----------
    path : path
        The session file.
    image : path, optional
        Where the image is now; by default where the session says.
    data : array-like, optional
        The array of the layer to go on in, which has to be that of the session. The file is then
        looked at only if it is given.

    Raises
    ------
    FileError
        If the session cannot be read, or its image is missing or another one.
    """
    path = Path(path)
    session = read_session(path)
    place = session.image.located(path) if image is None else Path(image)
    if data is not None:
        check_array(session.image, data)
    if place is not None and (image is not None or data is None):
        check_image(session.image, place)
    known = session.labels
    if known is None:
        return Resumed(path, session, place, None)
    labels, exact = labels_file.read_labels(labels_path(path), known)
    if labels is not None and exact:
        return Resumed(path, session, place, labels)
    if labels is not None:
        note = f"{known.path} was changed by another program since; it is taken as it is now."
        return Resumed(path, session, place, labels, (note,))
    note = (
        f"{known.path} is missing or damaged; the labels were made anew from the objects of the "
        "session, without what was painted by hand."
    )
    rebuilt = np.zeros(known.shape, np.dtype(known.dtype))
    draw_objects(rebuilt, session.objects)
    return Resumed(path, session, place, rebuilt, (note,))


def draw_objects(labels: NDArray[Any], objects: Iterable[AnnotatedObject]) -> None:
    """Write the masks of objects into labels, one after the other, where nothing is yet."""
    for known in objects:
        for plane, record in known.records.items():
            if record.mask is None:
                continue
            if plane.shape != labels.shape:
                raise FileError(
                    f"Object {known.id} has planes of an image of shape {plane.shape} but the "
                    f"labels have {labels.shape}; begin a new session."
                )
            part = plane_view(labels, plane)[record.mask.window]
            part[record.mask.part & (part == 0)] = known.value


def plane_view(labels: NDArray[Any], plane: Plane) -> NDArray[Any]:
    """Return a plane of labels, (H, W), that writes through to them."""
    where = dict(plane.hidden)
    part = labels[tuple(where.get(axis, slice(None)) for axis in range(labels.ndim))]
    return part if plane.displayed[0] < plane.displayed[1] else part.swapaxes(0, 1)
