"""The labels of a session on the disk, exact to the pixel and always those of its document.

A new file is written beside the old one under another name (`waiting_path`), then the document,
which has its digest, and then it takes the old one's name. Whenever this is cut off, one of the
two files is the one that the document means.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.annotation.places import waiting_path
from napari_m2n2.annotation.session import LabelsFile
from napari_m2n2.errors import FileError


def digest(labels: NDArray[Any]) -> str:
    """Return a digest of the pixels, with shape and type."""
    found = hashlib.blake2b(f"{labels.shape} {labels.dtype}".encode(), digest_size=16)
    for plane in labels.reshape(-1, *labels.shape[-2:]):
        found.update(np.ascontiguousarray(plane).tobytes())
    return found.hexdigest()


def write_next(path: Path, labels: NDArray[Any]) -> LabelsFile:
    """Write labels beside the file that they will replace; return what the document has to say.

    Parameters
    ----------
    path : Path
        Of the labels, ends in .tif.
    labels : (..., H, W) integer or bool array
    """
    from napari_m2n2.files import replacing

    with replacing(waiting_path(path)) as temporary:
        _write(temporary, labels)
    shape = tuple(int(length) for length in labels.shape)
    return LabelsFile(path.name, shape, str(labels.dtype), digest(labels))


def settle(path: Path, known: LabelsFile | None) -> None:
    """Give labels that wait their name if a document means them."""
    waiting = waiting_path(path)
    if known is None or not waiting.exists():
        return
    if _digest_of(waiting, known) == known.digest:
        os.replace(waiting, path)


def read_labels(path: Path, known: LabelsFile) -> tuple[NDArray[Any] | None, bool]:
    """Return the labels that a document means, and whether they are exactly these.

    Parameters
    ----------
    path : Path
        Of the labels.
    known : LabelsFile
        What the document says.

    Returns
    -------
    labels : array or None
        In their type; None if there is no file that could be meant.
    exact : bool
        False if another program has changed them.
    """
    for file in (path, waiting_path(path)):
        found = _read(file, known)
        if found is not None and digest(found) == known.digest:
            return found, True
    return _read(path, known), False


def _write(path: Path, labels: NDArray[Any]) -> None:
    """Write labels as TIFF."""
    import tifffile

    # napari opens 32-bit integers as labels, 8 and 16 bits as an image
    highest, lowest = int(labels.max(initial=0)), int(labels.min(initial=0))
    fits = np.iinfo(np.int32).min <= lowest and highest <= np.iinfo(np.int32).max
    kind = np.dtype(np.int32) if fits else labels.dtype
    tifffile.imwrite(
        path,
        (np.asarray(plane, kind) for plane in labels.reshape(-1, *labels.shape[-2:])),
        shape=labels.shape,
        dtype=kind,
        bigtiff=labels.size * kind.itemsize > 1 << 31,
        photometric="minisblack",
        metadata={"axes": "QQQQQQQYX"[-labels.ndim :]},
        compression="zlib",
        compressionargs={"level": 1},
    )


def _read(path: Path, known: LabelsFile) -> NDArray[Any] | None:
    """Return labels in the type and shape of a document; None if they cannot be these."""
    import tifffile

    if not path.exists():
        return None
    try:
        values = np.asarray(tifffile.imread(path))
    except OSError as error:
        raise FileError(
            f"{path} cannot be read ({error.strerror or error}); check its permissions."
        ) from error
    except (ValueError, RuntimeError, IndexError, KeyError, TypeError):
        return None
    if values.size != np.prod(known.shape, dtype=np.int64) or values.dtype.kind not in "bui":
        return None
    return values.reshape(known.shape).astype(known.dtype)


def _digest_of(path: Path, known: LabelsFile) -> str:
    """Return the digest of the labels in a file; "" if they cannot be these."""
    found = _read(path, known)
    return "" if found is None else digest(found)
