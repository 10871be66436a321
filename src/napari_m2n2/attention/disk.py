"""A folder of what was computed, shared by processes, with a limit on its size.

Each entry is a file of its own, named by its key, which is written beside its place and moved
there, so that no process ever sees a part of one. Nobody locks anything: two processes that write
one entry write the same, and what another one deletes in the meantime is computed again.
"""

from __future__ import annotations

import errno
import json
import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_m2n2.atomic import replacing
from napari_m2n2.errors import FileError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_m2n2.attention.entries import Arrays

CLEAR = "napari-m2n2 doctor --clear-store"

_MARK = "napari-m2n2-store.json"
_KIND = "napari-m2n2 attention store"
VERSION = 1
"""Of the layout of the folder."""

_TEMPORARY = ".napari-m2n2-"
_ENTRY = re.compile(r"[0-9a-f]{40}\.safetensors")
_SHARD = re.compile(r"[0-9a-f]{2}")

_ABANDONED = 3600
"""Seconds after which a file that nobody finished is no longer being written."""

_DOWN_TO = 0.9
"""Share of the limit that is left when the oldest entries were deleted."""

_LOOK_AGAIN = 0.05
"""Share of the limit after which a process that writes looks what others wrote."""


_ENOUGH = 4096
"""Files whose sizes tell the size of the store well enough."""


@dataclass(frozen=True)
class _File:
    """A file of the store."""

    path: Path
    size: int
    used: float


class DiskStore:
    """A folder of entries.

    Parameters
    ----------
    folder : Path
        Made if it is not there. One that has other files in it is not taken.
    limit : int
        Most bytes. What was not used for longest is deleted first.

    Raises
    ------
    FileError
        If the folder cannot be used; the sentence says why, and what to do.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self.folder = folder
        self.limit = limit
        self._held = -1
        self._unseen = 0
        self._open()

    def has(self, key: str) -> bool:
        """Tell whether an entry is there, by the header and the length of its file alone."""
        from napari_m2n2.attention import entries

        return entries.is_whole(self._path(key), key)

    def read(self, key: str) -> tuple[str, Arrays] | None:
        """Return an entry to the bit as it was written, or None if there is none."""
        from napari_m2n2.attention import entries

        path = self._path(key)
        try:
            found = entries.read(path, key)
        except entries.DamagedError:
            with suppress(OSError):
                path.unlink()
            return None
        except OSError:
            return None
        with suppress(OSError):  # of a folder that may only be read
            os.utime(path)
        return found

    def write(self, key: str, about: str, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Write an entry; one larger than the whole store may be is left out.

        Raises
        ------
        FileError
            If the disk is full, or the folder may not be written to.
        """
        from napari_m2n2.attention import entries

        size = sum(array.nbytes for array in arrays.values())
        if size > self.limit * _DOWN_TO:
            return
        path = self._path(key)
        self._make_room(size)
        try:
            path.parent.mkdir(exist_ok=True)
            entries.write(path, key, about, arrays)
        except OSError as error:
            if self.has(key):  # another process wrote it, and Windows keeps it while it is read
                return
            raise FileError(_cannot_write(self.folder, error)) from error
        self._held += size
        self._unseen += size

    def size(self) -> int:
        """Return the bytes of all files of the store."""
        return sum(file.size for file in _files(self.folder))

    def _path(self, key: str) -> Path:
        """Return where an entry lies."""
        return self.folder / key[:2] / f"{key}.safetensors"

    def _make_room(self, size: int) -> None:
        """Delete what was not used for longest, if the store would become too large."""
        if self._held < 0 or self._unseen > self.limit * _LOOK_AGAIN:
            self._held, self._unseen = self._estimate(), 0
        if self._held + size <= self.limit:
            return
        files = sorted(_files(self.folder), key=lambda file: file.used)
        self._held, self._unseen = sum(file.size for file in files), 0
        if self._held + size <= self.limit:
            return
        abandoned = time.time() - _ABANDONED
        for file in files:
            temporary = file.path.name.startswith(_TEMPORARY)
            if self._held + size <= self.limit * _DOWN_TO or (temporary and file.used > abandoned):
                continue
            with suppress(OSError):
                file.path.unlink()
                self._held -= file.size

    def _estimate(self) -> int:
        """Return about how many bytes there are; keys are spread evenly, so that some will do."""
        shards, held, count = _shards(self.folder), 0, 0
        for number, shard in enumerate(shards, 1):
            sizes = [file.size for file in _files_in(shard)]
            held, count = held + sum(sizes), count + len(sizes)
            if count >= _ENOUGH:
                return held * len(shards) // number
        return held

    def _open(self) -> None:
        """Make the folder, or see that it is one of ours."""
        mark = self.folder / _MARK
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if not mark.exists():
                _refuse_others(self.folder)
                with replacing(mark) as temporary:
                    temporary.write_text(json.dumps({"kind": _KIND, "version": VERSION}))
        except FileError as error:
            if isinstance(error.__cause__, OSError):
                raise FileError(_cannot_write(self.folder, error.__cause__)) from error
            raise
        except OSError as error:
            raise FileError(_cannot_write(self.folder, error)) from error
        version = _version(self.folder)
        if version != VERSION:
            raise FileError(
                f"The attention store {self.folder} was made by another version of napari-m2n2, "
                f"so attention is kept in memory only; clear it with {CLEAR}, or choose another "
                "folder."
            )


def clear(folder: Path) -> int:
    """Delete all that a store has, of whatever version, and return how many bytes that were.

    Raises
    ------
    FileError
        If the folder is no store, or something cannot be deleted.
    """
    if not folder.exists():
        return 0
    try:
        version = _version(folder)
        if version is None:
            _refuse_others(folder)
        freed = 0
        for file in _files(folder):
            file.path.unlink(missing_ok=True)
            freed += file.size
        for shard in _shards(folder):
            with suppress(OSError):  # something else lies in it
                shard.rmdir()
        if version != VERSION:  # else somebody may be using it
            (folder / _MARK).unlink(missing_ok=True)
    except FileError:
        raise
    except OSError as error:
        raise FileError(
            f"The attention store {folder} cannot be cleared ({error.strerror or error}); make it "
            "writable."
        ) from error
    return freed


def size_of(folder: Path) -> int | None:
    """Return the bytes of the entries in a folder; None if it does not exist."""
    return sum(file.size for file in _files(folder)) if folder.is_dir() else None


def _version(folder: Path) -> int | None:
    """Return the version of a store, 0 if it cannot be known; None if the folder is none."""
    try:
        mark = json.loads((folder / _MARK).read_text(encoding="utf-8"))
        return int(mark["version"]) if mark["kind"] == _KIND else 0
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def _refuse_others(folder: Path) -> None:
    """Raise if a folder has something in it and is no store, also by now."""
    for path in folder.iterdir():
        ours = path.name.startswith(_TEMPORARY) or _SHARD.fullmatch(path.name)
        if not ours and not (folder / _MARK).exists():
            raise FileError(
                f"The folder {folder} has files that are no attention, such as {path.name}, so "
                "it is no store; choose an empty or a new folder."
            )


def _shards(folder: Path) -> list[Path]:
    """Return the folders in which entries lie."""
    if not folder.is_dir():
        return []
    return [path for path in folder.iterdir() if _SHARD.fullmatch(path.name)]


def _files(folder: Path) -> Iterator[_File]:
    """Yield the entries, and what was to become one."""
    for shard in (folder, *_shards(folder)):
        yield from _files_in(shard)


def _files_in(shard: Path) -> Iterator[_File]:
    """Yield those of one folder."""
    with suppress(OSError), os.scandir(shard) as found:
        for file in found:
            if file.name.startswith(_TEMPORARY) or _ENTRY.fullmatch(file.name):
                with suppress(OSError):  # deleted since it was listed
                    state = file.stat(follow_symlinks=False)
                    yield _File(Path(file.path), state.st_size, state.st_mtime)


def _cannot_write(folder: Path, error: OSError) -> str:
    """Say why nothing can be kept, and what to do."""
    cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
    full = cause.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
    why = "the disk is full" if full else cause.strerror or str(cause)
    what = f"free some room, or clear it with {CLEAR}" if full else "choose another folder"
    return (
        f"The attention store {folder} cannot be written ({why}), so attention is kept in memory "
        f"only; {what}."
    )
