"""Which image a session belongs to, so that it is not gone on with in another one.

What can be had cheaply is compared: the shape, the type, the size of the file, and a digest of the
file or of sixteen parts of it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from napari_m2n2.errors import FileError

_WHOLE_BYTES = 1 << 24
_PARTS = 16
_ZARR_FILES = ("zarr.json", ".zarray", ".zattrs", ".zgroup", ".zmetadata")


@dataclass(frozen=True)
class ImageIdentity:
    """What names an image.

    Attributes
    ----------
    path : str
        The file, seen from the folder of the session where that is possible; "" if there is none.
    shape : tuple of int
        Of the array of the layer, colours included.
    dtype : str
    layer : str
        What the layer was called.
    size : int
        Bytes of the file; 0 if there is none, or it is a folder.
    digest : str
        Of the file's content, or of the array's if there is no file; "" where it is not known.
    """

    path: str = ""
    shape: tuple[int, ...] = ()
    dtype: str = ""
    layer: str = ""
    size: int = 0
    digest: str = ""

    def located(self, session: Path) -> Path | None:
        """Return where the image is, for a session file; None if it never was in a file.

        A session that was moved together with its image finds it.
        """
        if not self.path:
            return None
        return Path(os.path.normpath(session.resolve().parent / self.path))


def identify(
    data: Any, *, path: Path | None = None, layer: str = "", session: Path | None = None
) -> ImageIdentity:
    """Return what names an image.

    Parameters
    ----------
    data : array-like
        The array of the layer, of a multi-scale image that of the finest level; only its shape
        and type are looked at if there is a file.
    path : Path, optional
        The file it comes from.
    layer : str
    session : Path, optional
        Where the session is to be saved; the path is kept as seen from there.
    """
    shape = tuple(int(length) for length in data.shape)
    dtype = str(np.dtype(data.dtype))
    if path is None or not path.exists():
        return ImageIdentity("", shape, dtype, layer, 0, _digest_array(data))
    size = 0 if path.is_dir() else path.stat().st_size
    return ImageIdentity(_seen_from(session, path), shape, dtype, layer, size, digest_file(path))


def check_image(known: ImageIdentity, path: Path) -> None:
    """Raise `FileError` if an image is missing, or is another one than it was."""
    if not path.exists():
        raise FileError(
            f"The image {path} of this session does not exist; put it back, or give the place "
            "where it is now."
        )
    size = 0 if path.is_dir() else path.stat().st_size
    if size != known.size or digest_file(path) != known.digest:
        raise FileError(
            f"The image {path} has changed since the session was saved; put the image of before "
            "back, or begin a new session."
        )


def check_array(known: ImageIdentity, data: Any) -> None:
    """Raise `FileError` if the array of a layer is another one than it was."""
    found = identify(data)
    other_pixels = "" not in (known.digest, found.digest) and known.digest != found.digest
    if (known.shape, known.dtype) != (found.shape, found.dtype) or (
        not known.path and other_pixels
    ):
        raise FileError(
            "The image is another one than that of the session; open the image of before, or "
            "begin a new session."
        )


def digest_file(path: Path) -> str:
    """Return the digest of a file, of parts of it if it is large, or of what a zarr says."""
    found = hashlib.blake2b(digest_size=16)
    try:
        if path.is_dir():
            for file in _zarr_files(path):
                found.update(file.relative_to(path).as_posix().encode())
                found.update(file.read_bytes())
            return found.hexdigest()
        size = path.stat().st_size
        with path.open("rb") as stream:
            for start, length in _parts(size, 1):
                stream.seek(start)
                found.update(stream.read(length))
    except OSError as error:
        raise FileError(
            f"{path} cannot be read ({error.strerror or error}); check its permissions."
        ) from error
    return found.hexdigest()


def _digest_array(data: Any) -> str:
    """Return the digest of an array in memory, of parts of it if it is large; "" of others."""
    if not isinstance(data, np.ndarray) or data.dtype.hasobject:
        return ""
    found = hashlib.blake2b(digest_size=16)
    if data.nbytes <= _WHOLE_BYTES:
        found.update(np.ascontiguousarray(data).tobytes())
        return found.hexdigest()
    for start, length in _parts(data.size, data.dtype.itemsize):
        # `flat` copies no more than the part, whatever the order of the axes in memory
        found.update(np.asarray(data.flat[start : start + length]).tobytes())
    return found.hexdigest()


def _parts(size: int, item: int) -> Iterator[tuple[int, int]]:
    """Yield start and length of the parts of so many items that are looked at, the ends too."""
    most = _WHOLE_BYTES // item
    if size <= most:
        yield 0, size
        return
    length = most // _PARTS
    for number in range(_PARTS):
        yield (size - length) * number // (_PARTS - 1), length


def _zarr_files(path: Path) -> Sequence[Path]:
    """Return the files that describe a zarr folder, at its top and one level below."""
    found = [path / name for name in _ZARR_FILES]
    found += [file for name in _ZARR_FILES for file in path.glob(f"*/{name}")]
    return sorted(file for file in found if file.is_file())


def _seen_from(session: Path | None, path: Path) -> str:
    """Return the path as it is to be kept."""
    absolute = path.resolve()
    if session is None:
        return str(absolute)
    try:
        return Path(os.path.relpath(absolute, session.resolve().parent)).as_posix()
    except ValueError:  # another drive of Windows
        return str(absolute)
