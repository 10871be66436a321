"""The session of one image, kept on the disk as new as it is in the window."""

from __future__ import annotations

import re
from collections.abc import Callable, Container
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image
from numpy.typing import NDArray

from napari_m2n2.annotation.autosave import Autosave, Saved
from napari_m2n2.annotation.identity import identify
from napari_m2n2.annotation.objects import AnnotatedObject
from napari_m2n2.annotation.places import session_path
from napari_m2n2.annotation.session import Session
from napari_m2n2.viewer.choices import view_of
from napari_m2n2.viewer.connections import Connections
from napari_m2n2.viewer.pair import Pair

if TYPE_CHECKING:
    from napari_m2n2.viewer.controller import Controller

FILE = "napari_m2n2 file"
"""Of the metadata of an image: the file it was read from, where napari does not know it."""


class Kept:
    """Keeps the session of one image.

    Parameters
    ----------
    controller : Controller
    pair : Pair
        The layers of the image.
    path : Path
        Of the session.
    told : callable
        Called after each write, in the thread that writes.
    resumed : Session, optional
        What was read from there, to go on with.

    Attributes
    ----------
    pair : Pair
    finished : bool
        Whether the user is done with the image.

    Raises
    ------
    FileError
        If there is a file that was not read, or none can be written.
    """

    def __init__(
        self,
        controller: Controller,
        pair: Pair,
        path: Path,
        told: Callable[[Saved], object],
        resumed: Session | None = None,
    ) -> None:
        self.pair = pair
        self.finished = resumed is not None and resumed.finished
        self._controller = controller
        self._state = controller.state
        self._autosave = Autosave(path, resumed, told)
        self._work: AnnotatedObject | None = None
        self._last: Session | None = None
        self._labels: NDArray[Any] | None = None
        self._touched = True
        self._identify()
        self._connections = Connections()
        labels = pair.labels.events
        for emitter in (labels.paint, labels.set_data):
            self._connections.connect(emitter, self._on_labels)
        self._connections.connect(pair.image.events.data, self._identify)

    @property
    def path(self) -> Path:
        """Where the session is."""
        return self._autosave.path

    @property
    def session(self) -> Session:
        """The session as it is in the window now."""
        state, pair = self._state, self.pair
        return Session(
            image=self._image,
            mode="semantic" if state.semantic else "instance",
            overwrite=state.overwrite,
            work=self._work,
            settings=state.settings,
            view=view_of(state),
            finished=self.finished,
        ).with_table(pair.table)

    def submit(self) -> None:
        """Have what is in the window saved soon, if it is not yet."""
        if self.pair is self._controller.current:
            self._work = work_of(self._controller)
        session, labels = self.session, self._labels_if_new()
        if labels is not None or session != self._last:
            self._autosave.submit(session, labels)
            self._last = session

    def flush(self) -> None:
        """Wait until what is in the window is on the disk; raise `FileError` if it cannot be."""
        self._touched = True
        self.submit()
        self._autosave.flush()

    def close(self) -> None:
        """Save for the last time, and let go; raise `FileError` if it cannot be saved."""
        self._connections.close()
        try:
            self._touched = True
            self.submit()
        finally:
            self._autosave.close()

    def _on_labels(self, _event: object = None) -> None:
        self._touched = True

    def _identify(self, _event: object = None) -> None:
        """Find out what names the image."""
        image = self.pair.image
        data = image.data[0] if image.multiscale else image.data
        self._image = identify(data, path=file_of(image), layer=image.name, session=self.path)

    def _labels_if_new(self) -> NDArray[Any] | None:
        """Return a copy of the labels without previews, unless it is the one saved last."""
        data = self.pair.labels.data
        if not self._touched or not isinstance(data, np.ndarray):
            return None
        self._touched = False
        labels = self.pair.writer.previews.committed()
        if self._labels is not None and np.array_equal(labels, self._labels):
            return None
        self._labels = labels
        return labels


def work_of(controller: Controller) -> AnnotatedObject | None:
    """Return the object at work as a session has it: with its prompts and without masks."""
    known = controller.draft_record()
    if known is None:
        return None
    records = {plane: record.without_mask() for plane, record in known.records.items()}
    return replace(known, records=records, parts=())


def file_of(image: Image) -> Path | None:
    """Return the file that an image was read from, if there is one."""
    name = image.metadata.get(FILE) or image.source.path
    path = Path(name) if name else None
    return path if path is not None and path.exists() else None


def place_of(image: Image, folder: Path | None, others: Container[Path]) -> Path | None:
    """Return where the session of an image belongs; None if there is no place for it.

    Parameters
    ----------
    image : Image
    folder : Path, optional
        By default that of the image.
    others : container of Path
        Sessions of other images, such as of another layer of the same file.
    """
    file = file_of(image)
    if file is None and folder is None:
        return None
    name = re.sub(r"[^\w .()\[\]-]+", "_", image.name)  # layers may have any name, files may not
    path = session_path(file or name, folder)
    if path in others:
        path = session_path(path.with_name(f"{(file or path).name}.{name}"))
    return path
