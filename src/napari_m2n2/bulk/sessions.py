"""The prompts of sessions as a plan: for the image that each was made on, or for others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from napari_m2n2.annotation.identity import check_image
from napari_m2n2.annotation.objects import AnnotatedObject
from napari_m2n2.annotation.opening import open_array
from napari_m2n2.annotation.planes import Plane
from napari_m2n2.annotation.provenance import RECOMPUTED, ChannelView, Provenance
from napari_m2n2.annotation.region import Region, whole_plane
from napari_m2n2.annotation.replay import look
from napari_m2n2.annotation.session import PromptedPlane, Session, prompted_planes, read_session
from napari_m2n2.bulk.engine import Engine
from napari_m2n2.bulk.plan import ImagePlan, Places, Slot, digest, state_of
from napari_m2n2.bulk.records import Failure
from napari_m2n2.bulk.segmenting import ObjectTask, PlaneTask
from napari_m2n2.errors import FileError, InputError, UserError
from napari_m2n2.image import Contrast


@dataclass(frozen=True)
class SessionPlane:
    """A region of a plane as it was looked at in the window.

    Attributes
    ----------
    image : Path
    folder : Path
        That of the session; other layers' files are seen from there.
    shape : tuple of int
        Of the array of the image's layer.
    dtype : str
    plane : Plane
    made : Provenance
        How it was looked at.
    region : Region
    """

    image: Path
    folder: Path
    shape: tuple[int, ...]
    dtype: str
    plane: Plane
    made: Provenance
    region: Region

    @property
    def contrast(self) -> Contrast:
        """The values of what is read that become black and white."""
        return self._look()[1]

    def read(self) -> NDArray[Any]:
        """Read it."""
        return self._look()[0]()

    def _look(self) -> tuple[Callable[[], NDArray[Any]], Contrast]:
        return look(self.made, self.plane, self.region, self._array)

    def _array(self, view: ChannelView | None) -> Any:
        """Open the image, or the file of another layer that was one of its channels."""
        other = view is not None and view.path
        path = (self.folder / view.path).resolve() if other and view is not None else self.image
        return open_array(path, self.shape, self.dtype)


def plan_sessions(
    sessions: Sequence[Path], engine: Engine, places: Places, images: Sequence[Path] = ()
) -> list[ImagePlan]:
    """Return what is to be done for sessions.

    Parameters
    ----------
    sessions : sequence of Path
        Session files.
    engine : Engine
        Device, store and options of the backbone; all else is as each session was made.
    places : Places
    images : sequence of Path
        Images that the prompts are applied to, each of the same shape, instead of the session's
        own. With several sessions there can be none.

    Raises
    ------
    FileError
        If a session cannot be read.
    InputError
        If there are images and several sessions.
    """
    if images and len(sessions) > 1:
        raise InputError("The prompts of several sessions cannot count for one image; give one.")
    plans = []
    for path in sessions:
        session = read_session(path)
        own = session.image.located(path)
        there = [*images] or ([] if own is None else [own])
        if not there:
            raise FileError(f"{path} is of an image that was in no file; name it with --images.")
        for image in there:
            labels = places.of(image)
            try:
                if image == own:
                    check_image(session.image, image)
                plans.append(_plan(path, session, image, engine, labels))
            except UserError as error:
                plans.append(ImagePlan(image, labels, sentence=str(error)))
    return plans


def _plan(path: Path, session: Session, image: Path, engine: Engine, labels: Path) -> ImagePlan:
    """Return what is to be done with one image."""
    open_array(image, session.image.shape, session.image.dtype)
    tasks: dict[Plane, list[ObjectTask]] = {}
    failures: list[Failure] = []
    for known in session.objects:
        for one, sentence in _prompted(known):
            if sentence:
                place = tuple(index for _, index in one.plane.hidden)
                failures.append(Failure(sentence, known.value, place))
            else:
                task = _task(path, session, image, engine, known, one)
                tasks.setdefault(one.plane, []).append(task)
    if not tasks:
        raise InputError(f"The session {path} has no object with prompts; give another one.")
    shape = next(iter(tasks)).shape
    state = state_of(image)
    planes = [
        PlaneTask(
            digest([state, [(t.number, t.picture, t.prompts, t.settings) for t in objects]]),
            tuple(objects),
        )
        for objects in tasks.values()
    ]
    slots = tuple(_slot(plane) for plane in tasks)
    return ImagePlan(image, labels, shape, tuple(planes), slots, tuple(failures))


def _prompted(known: AnnotatedObject) -> Iterator[tuple[PromptedPlane, str]]:
    """Yield the planes of an object that have prompts, and why one cannot be made of them."""
    for one in prompted_planes(known):
        made = one.record.made
        sentence = ""
        if made is not None and made.way not in RECOMPUTED:
            sentence = "It was drawn by hand there, which no prompt can make; draw it again."
        elif made is not None and made.level:
            sentence = (
                f"It was made on level {made.level} of the image, which cannot be read here."
            )
        yield one, sentence


def _task(
    path: Path,
    session: Session,
    image: Path,
    engine: Engine,
    known: AnnotatedObject,
    one: PromptedPlane,
) -> ObjectTask:
    """Return an object on a plane, as it was made."""
    made = one.record.made or Provenance()
    was = made.settings(engine.device)
    settings = replace(
        engine,
        backbone=was.backbone,
        method=was.method,
        preset=was.preset,
        grid=was.grid,
        refine=was.refine,
        store=engine.store or "",
    )
    picture = SessionPlane(
        image=image,
        folder=path.resolve().parent,
        shape=session.image.shape,
        dtype=session.image.dtype,
        plane=one.plane,
        made=made,
        region=one.record.region or whole_plane(one.plane.size),
    )
    return ObjectTask(known.value, picture, one.prompts, settings, known.name, one.plane.size)


def _slot(plane: Plane) -> Slot:
    """Return where a plane belongs in labels of the layer's shape."""
    where = dict(plane.hidden)
    index = tuple(where.get(axis, slice(None)) for axis in range(len(plane.shape)))
    return Slot(index, plane.displayed[0] > plane.displayed[1])
