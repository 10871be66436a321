"""The document of a session: one image, its objects, and the one at work.

Nothing here touches a file but `read_session` and `write_session`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from napari_m2n2.annotation.codec import Misfit, from_plain, to_plain
from napari_m2n2.annotation.identity import ImageIdentity
from napari_m2n2.annotation.jobs import Settings
from napari_m2n2.annotation.migration import MIGRATIONS
from napari_m2n2.annotation.objects import AnnotatedObject, Mode, ObjectTable, TableContent
from napari_m2n2.annotation.planes import Plane
from napari_m2n2.annotation.prompts import PlanePrompts
from napari_m2n2.annotation.records import PlaneRecord
from napari_m2n2.errors import FileError

FORMAT = "napari-m2n2 session"
SCHEMA = 1 + len(MIGRATIONS)
"""Goes up whenever a session file of before would be read wrongly."""


@dataclass(frozen=True)
class LabelsFile:
    """The labels that belong to a session.

    Attributes
    ----------
    path : str
        Beside the session file.
    shape : tuple of int
    dtype : str
        As numpy calls it; the file may hold a larger type.
    digest : str
        Of the pixels, see `napari_m2n2.annotation.labels_file.digest`.
    """

    path: str
    shape: tuple[int, ...]
    dtype: str
    digest: str


@dataclass(frozen=True)
class Session:
    """All that is to be kept of the work on one image, but for the pixels of its labels.

    Attributes
    ----------
    image : ImageIdentity
    labels : LabelsFile, optional
        None before anything was written to them; `Autosave` fills it in.
    mode : str
        "instance" or "semantic".
    overwrite : bool
        Whether a new object takes pixels of others.
    objects : tuple of AnnotatedObject
        Those that are committed, in their order.
    classes : tuple of (int, str)
        Number and name of each class of semantic mode.
    used : frozenset of int
        Numbers that were given or reserved, see `ObjectTable.used`.
    work : AnnotatedObject, optional
        The object at work, with its prompts and without masks.
    settings : Settings
        What the next click is made with.
    view : mapping of str
        What else was chosen in the window, by the names of its state; plain values.
    finished : bool
        Whether the user is done with the image.
    revision : int
        Counts how often it was saved; `Autosave` fills it in.
    saved : str
        When, in UTC.
    version : str
        Of this program.
    """

    image: ImageIdentity
    labels: LabelsFile | None = None
    mode: Mode = "instance"
    overwrite: bool = False
    objects: tuple[AnnotatedObject, ...] = ()
    classes: tuple[tuple[int, str], ...] = ()
    used: frozenset[int] = frozenset()
    work: AnnotatedObject | None = None
    settings: Settings = field(default_factory=Settings)
    view: Mapping[str, Any] = field(default_factory=dict)
    finished: bool = False
    revision: int = 0
    saved: str = ""
    version: str = ""

    def with_table(self, table: ObjectTable) -> Session:
        """Return the session with the objects and classes of a table."""
        content = table.content
        return replace(self, objects=content.objects, classes=content.classes, used=table.used)

    def table(self) -> ObjectTable:
        """Return a table with the objects and classes."""
        table = ObjectTable()
        table.reserve(self.used)
        table.restore(TableContent(self.objects, self.classes))
        return table

    def stamped(self) -> Session:
        """Return the session as it is to be saved now."""
        from napari_m2n2 import __version__

        now = datetime.now(UTC).isoformat(timespec="seconds")
        return replace(self, revision=self.revision + 1, saved=now, version=__version__)

    @property
    def same(self) -> Session:
        """Return the session without what saving fills in, to compare two."""
        return replace(self, labels=None, revision=0, saved="", version="")


@dataclass(frozen=True, eq=False)
class PromptedPlane:
    """One plane of one object of a session, ready to be segmented.

    Attributes
    ----------
    part : AnnotatedObject
        The object, or what was merged into it.
    plane : Plane
    prompts : PlanePrompts
    record : PlaneRecord
    """

    part: AnnotatedObject
    plane: Plane
    prompts: PlanePrompts
    record: PlaneRecord


def prompted_planes(known: AnnotatedObject) -> Iterator[PromptedPlane]:
    """Yield each plane of an object that has prompts with foreground, parts included."""
    for part in parts_of(known):
        for plane, record in part.records.items():
            prompts = record.on(plane)
            if record.prompts and prompts.foreground:
                yield PromptedPlane(part, plane, prompts, record)


def parts_of(known: AnnotatedObject) -> tuple[AnnotatedObject, ...]:
    """Return what an object was merged from, or the object itself."""
    if not known.parts:
        return (known,)
    return tuple(part for whole in known.parts for part in parts_of(whole))


# ------------------------------------------------------------------ as text


def to_text(session: Session, texts: dict[int, tuple[AnnotatedObject, str]] | None = None) -> str:
    """Return a session as JSON, a line for each object.

    Parameters
    ----------
    session : Session
    texts : dict, optional
        The texts of objects by their ids; those that are the same need not be made again, and
        the others are put in.
    """
    head = {"format": FORMAT, "schema": SCHEMA, **to_plain(replace(session, objects=()))}
    lines = [f"  {json.dumps(key)}: {_dump(value)}" for key, value in head.items()]
    objects = ",\n".join(f"    {_object_text(o, texts)}" for o in session.objects)
    lines.append(f'  "objects": [\n{objects}\n  ]' if objects else '  "objects": []')
    return "{\n" + ",\n".join(lines) + "\n}\n"


def from_text(text: str, name: str) -> Session:
    """Return a session from JSON.

    Raises
    ------
    FileError
        If it is cut off, nothing of ours, from a later version, or holds what cannot be; `name`
        is what the sentence calls the file.
    """
    try:
        content = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        cut = re.match(r'\s*\{\s*"format": "' + re.escape(FORMAT), text) is not None
        what = "is damaged or cut off" if cut else "is no session file"
        raise FileError(f"{name} {what}; it is left as it is, {_ADVICE}.") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise FileError(f"{name} is no session file; it is left as it is, {_ADVICE}.")
    schema = content.get("schema")
    if not isinstance(schema, int) or isinstance(schema, bool) or schema < 1:
        raise FileError(f"{name} has the unknown schema {schema!r:.20}; {_KEPT}.")
    if schema > SCHEMA:
        version = str(content.get("version", "")) or "a later version"
        raise FileError(
            f"{name} was saved by napari-m2n2 {version:.40}, which is newer than this one; "
            "update napari-m2n2 to open it."
        )
    try:
        for migrate in MIGRATIONS[schema - 1 :]:
            content = migrate(content)
        plain = {k: v for k, v in content.items() if k not in ("format", "schema")}
        session = from_plain(Session, plain)
        _check(session)
    except (Misfit, KeyError, TypeError, ValueError) as error:
        raise FileError(f"{name} is damaged ({error}); {_KEPT}.") from error
    return session


def read_session(path: Path | str) -> Session:
    """Read a session file; raise `FileError`, in one sentence, if it cannot be."""
    from napari_m2n2.files import check_readable

    path = Path(path)
    check_readable(path)
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise FileError(f"{path} is no session file; it is left as it is, {_ADVICE}.") from None
    return from_text(text, str(path))


def write_session(path: Path | str, text: str) -> None:
    """Put a session's text into its file, complete or not at all."""
    from napari_m2n2.files import replacing

    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


_ADVICE = "choose another one"
_KEPT = "it is left as it is, open a copy of it or begin a new session"


def _refuse_constant(word: str) -> Any:
    """Refuse NaN and infinities, which are no JSON."""
    raise ValueError(word)


def _dump(value: Any) -> str:
    text = json.dumps(value, allow_nan=False, ensure_ascii=False)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:  # names of files may hold what is no text
        return json.dumps(value, allow_nan=False)
    return text


def _object_text(
    known: AnnotatedObject, texts: dict[int, tuple[AnnotatedObject, str]] | None
) -> str:
    """Return one object as JSON in one line."""
    found = None if texts is None else texts.get(known.id)
    if found is not None and found[0] is known:
        return found[1]
    text = _dump(to_plain(known))
    if texts is not None:
        texts[known.id] = known, text
    return text


def _check(session: Session) -> None:
    """Raise `Misfit` if what is well formed does not fit together."""
    if session.labels is not None:
        kind = np.dtype(session.labels.dtype).kind
        if kind not in "bui" or len(session.labels.shape) < 2 or min(session.labels.shape) < 1:
            raise Misfit("labels are no whole numbers of a plane")
    ids = [known.id for known in session.objects]
    if len(set(ids)) < len(ids):
        raise Misfit("objects have a number twice")
    if any(known.id < 1 or known.value < 1 for known in session.objects):
        raise Misfit("objects have a number below 1")
    everything = [*session.objects, *([] if session.work is None else [session.work])]
    for known in everything:
        for plane, record in known.records.items():
            _check_plane(plane, record, f"object {known.id}")


def _check_plane(plane: Plane, record: PlaneRecord, where: str) -> None:
    """Raise `Misfit` if a plane is none, or a mask is of another one."""
    axes = sorted([*plane.displayed, *(axis for axis, _ in plane.hidden)])
    if axes != list(range(len(plane.shape))):
        raise Misfit(f"{where} has a plane with other axes than its image")
    if any(not 0 <= index < plane.shape[axis] for axis, index in plane.hidden):
        raise Misfit(f"{where} has a plane beside its image")
    for mask in (record.start, record.mask):
        if mask is not None and mask.size != plane.size:
            raise Misfit(f"{where} has a mask of another size than its plane")
    if record.region is not None:
        sides = zip((record.region.rows, record.region.columns), plane.size, strict=True)
        inside = all(0 <= first < last <= length for (first, last), length in sides)
        if not inside or record.region.factor < 1:
            raise Misfit(f"{where} has a region beside its plane")
