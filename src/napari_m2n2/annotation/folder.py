"""A folder of images worked through one after the other: which is next, which is done."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from napari_m2n2.annotation.places import is_ours, session_path
from napari_m2n2.annotation.session import Session, read_session
from napari_m2n2.errors import FileError

IMAGE_ENDINGS = (".tif", ".tiff", ".png", ".jpg", ".jpeg", ".nii", ".nii.gz", ".zarr")

Standing: TypeAlias = Literal["new", "begun", "finished", "unreadable"]
"""How far an image is; "unreadable" if it has a session file that cannot be read."""


@dataclass(frozen=True)
class Tally:
    """How many images of a folder are how far."""

    new: int = 0
    begun: int = 0
    finished: int = 0
    unreadable: int = 0

    @property
    def sentence(self) -> str:
        """What to tell the user."""
        total = self.new + self.begun + self.finished + self.unreadable
        text = f"{self.finished} of {total} images are finished, {self.begun} begun."
        if self.unreadable:
            text += f" {self.unreadable} have a session that cannot be read."
        return text


class SessionFolder:
    """The images of a folder and their sessions.

    Parameters
    ----------
    folder : path
        With the images.
    sessions : path, optional
        With their sessions; by default the same.
    """

    def __init__(self, folder: Path | str, sessions: Path | str | None = None) -> None:
        self.folder = Path(folder)
        self.sessions = self.folder if sessions is None else Path(sessions)
        self._known: dict[Path, tuple[int, int, Standing]] = {}

    @property
    def images(self) -> tuple[Path, ...]:
        """The images there are now, by name, with 2 before 10."""
        if not self.folder.is_dir():
            raise FileError(f"{self.folder} is no folder; choose one with images.")
        try:
            found = [p for p in self.folder.iterdir() if _is_image(p)]
        except OSError as error:
            raise FileError(
                f"{self.folder} cannot be read ({error.strerror or error}); check its permissions."
            ) from error
        return tuple(sorted(found, key=_natural))

    def session_path(self, image: Path) -> Path:
        """Return where the session of an image lies."""
        return session_path(image, self.sessions)

    def standing(self, image: Path) -> Standing:
        """Tell how far an image is."""
        path = self.session_path(image)
        try:
            stat = path.stat()
        except OSError:
            return "new"
        stamp = stat.st_mtime_ns, stat.st_size
        known = self._known.get(path)
        if known is not None and known[:2] == stamp:
            return known[2]
        standing = _standing(path)
        self._known[path] = (*stamp, standing)
        return standing

    def next(self, after: Path | None = None) -> Path | None:
        """Return the next image that is not finished; None if all others are.

        Parameters
        ----------
        after : path, optional
            The image to go on from; behind the last one comes the first. It is never returned
            itself. An image with a session that cannot be read is skipped.
        """
        images = self.images
        if after is not None:
            others = [image for image in images if image.resolve() != after.resolve()]
            later = [image for image in others if _natural(image) > _natural(after)]
            images = (*later, *(image for image in others if image not in later))
        fits = (image for image in images if self.standing(image) in ("new", "begun"))
        return next(fits, None)

    @property
    def tally(self) -> Tally:
        """How many images are how far."""
        standings = [self.standing(image) for image in self.images]
        return Tally(
            standings.count("new"),
            standings.count("begun"),
            standings.count("finished"),
            standings.count("unreadable"),
        )


def _standing(path: Path) -> Standing:
    """Tell how far a session is."""
    try:
        session: Session = read_session(path)
    except FileError:
        return "unreadable"
    return "finished" if session.finished else "begun"


def _is_image(path: Path) -> bool:
    """Tell whether a file is an image by its name."""
    return path.name.lower().endswith(IMAGE_ENDINGS) and not is_ours(path)


def _natural(path: Path) -> list[tuple[int, str]]:
    """Return what sorts names with numbers as people do."""
    parts = re.split(r"(\d+)", path.name.lower())
    return [(int(p), "") if p.isdecimal() else (-1, p) for p in parts]
