"""The journal of a batch: planes and images as they are done (`napari_m2n2.bulk.lines`)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from napari_m2n2.annotation.codec import Misfit, from_plain, to_plain
from napari_m2n2.bulk.lines import Lines
from napari_m2n2.bulk.records import FORMAT, ImageRecord, record_from_json
from napari_m2n2.bulk.segmenting import PlaneFound
from napari_m2n2.errors import FileError

KIND = "napari-m2n2 unfinished batch"


class Progressing:
    """The journal, begun or gone on with; to be used as a context manager.

    Parameters
    ----------
    path : Path

    Attributes
    ----------
    planes : dict of str to PlaneFound
        What was found, by the key of the plane.
    begun : set of str
        Labels that were begun to be written.
    images : dict of str to ImageRecord
        The images whose labels are written.

    Raises
    ------
    FileError
        If it is of another version, damaged, not writable, or in use.
    """

    def __init__(self, path: Path) -> None:
        self.planes: dict[str, PlaneFound] = {}
        self.begun: set[str] = set()
        self.images: dict[str, ImageRecord] = {}
        self._path = path
        self._lines = Lines(
            path,
            {"kind": KIND, "format": FORMAT},
            take=self._take,
            check=self._check,
            noun="batch",
            verb="segment",
        )

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let it lie for the next time, unless there is nothing in it."""
        if self.planes or self.images or self.begun:
            self._lines.close()
        else:
            self.remove()

    def add_plane(self, found: PlaneFound) -> None:
        """Add a plane, and return when it is on the disk."""
        self._lines.append({"plane": to_plain(found)})
        self.planes[found.key] = found

    def begin(self, labels: str) -> None:
        """Add that labels are about to be written."""
        self._lines.append({"begin": labels})
        self.begun.add(labels)

    def add_image(self, record: ImageRecord) -> None:
        """Add that the labels of an image are written."""
        self._lines.append({"image": record.to_json()})
        self.images[record.image] = record

    def remove(self) -> None:
        """Remove it, since the records are complete."""
        self._lines.remove()

    def _check(self, head: Mapping[str, Any], whole: bool) -> None:
        """Refuse another version."""
        if head["format"] != FORMAT:
            raise FileError(
                f"{self._path} is of another version of napari-m2n2; finish it with that one, or "
                "remove it."
            )

    def _take(self, entry: Mapping[str, Any]) -> bool:
        """Take a line that is there."""
        if "plane" in entry:
            try:
                found = from_plain(PlaneFound, entry["plane"], "a plane")
            except Misfit as error:
                raise ValueError(str(error)) from error
            self.planes[found.key] = found
        elif "begin" in entry:
            self.begun.add(str(entry["begin"]))
        else:
            record = record_from_json(entry["image"])
            self.images[record.image] = record
        return True
