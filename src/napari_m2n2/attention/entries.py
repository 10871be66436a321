"""One file of named arrays with a checksum, in the format of safetensors.

The format is a header in JSON and then the arrays, and any library that reads safetensors reads
these files (https://huggingface.co/docs/safetensors). It is written and read here, because that
needs no copy of what may have half a gigabyte, and because the library maps files into memory: one
that another machine deletes on a shared disk would then end the process, here it is an error.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.atomic import replacing

FORMAT = "napari-m2n2 attention 1"
"""What the header says; files of another format are not read."""

_TYPES: dict[str, np.dtype[Any]] = {
    "F16": np.dtype("<f2"),
    "F32": np.dtype("<f4"),
    "F64": np.dtype("<f8"),
}
_NAMES = {dtype: name for name, dtype in _TYPES.items()}
_MOST_HEADER = 1 << 20

Arrays = dict[str, NDArray[Any]]


class DamagedError(ValueError):
    """A file that is cut, changed, or none of ours."""


def write(path: Path, key: str, about: str, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays of floating point under a key; nobody ever sees a part of the file.

    Parameters
    ----------
    path : Path
        What is there is replaced.
    key : str
        What is found only by who asks for it.
    about : str
        What else is to be known of them, in words or JSON.
    arrays : mapping of str to array

    Raises
    ------
    FileError
        If the file cannot be written.
    """
    kept = {name: np.asarray(array, order="C") for name, array in sorted(arrays.items())}
    header: dict[str, Any] = {
        "__metadata__": {
            "format": FORMAT,
            "key": key,
            "about": about,
            "sha256": _checksum(key, about, kept),
        }
    }
    end = 0
    for name, array in kept.items():
        begin, end = end, end + array.nbytes
        header[name] = {
            "dtype": _NAMES[array.dtype],
            "shape": list(array.shape),
            "data_offsets": [begin, end],
        }
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    # what is torn by a power cut has another checksum, and is made again
    with replacing(path, durable=False) as temporary, temporary.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for array in kept.values():
            file.write(_raw(array))


def read(path: Path, key: str) -> tuple[str, Arrays]:
    """Return what is known about arrays that were written under this key, and the arrays.

    Raises
    ------
    OSError
        If there is no file, or it cannot be read.
    DamagedError
        If it is not, to the bit, what was written under this key.
    """
    with path.open("rb") as file:
        header, begin = _read_header(file, key)
        size = _size_of(file)
        data = bytearray(size - begin)
        file.seek(begin)
        if file.readinto(data) != len(data):
            raise DamagedError(f"{path} was cut while it was read")
    about = header["__metadata__"]["about"]
    arrays = {
        name: _array(data, entry) for name, entry in header.items() if name != "__metadata__"
    }
    if _checksum(key, about, arrays) != header["__metadata__"]["sha256"]:
        raise DamagedError(f"{path} was changed")
    return about, arrays


def is_whole(path: Path, key: str) -> bool:
    """Tell whether a file has what was written under a key, by its header and its length alone."""
    try:
        with path.open("rb") as file:
            _read_header(file, key)
    except (OSError, DamagedError):
        return False
    return True


def _read_header(file: BinaryIO, key: str) -> tuple[dict[str, Any], int]:
    """Return the header of a file and where the arrays begin."""
    length = int.from_bytes(file.read(8), "little")
    if not 2 <= length <= _MOST_HEADER:
        raise DamagedError("no header")
    try:
        header = json.loads(file.read(length))
        own = header["__metadata__"]
        known = (own["format"], own["key"]) == (FORMAT, key)
        ends = [entry["data_offsets"][1] for name, entry in header.items() if name[:2] != "__"]
        whole = _size_of(file) == 8 + length + max(ends, default=0)
        texts = isinstance(own["about"], str) and isinstance(own["sha256"], str)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise DamagedError("the header cannot be read") from error
    if not (known and whole and texts):
        raise DamagedError("a file of something else, of another version, or a part of one")
    return header, 8 + length


def _size_of(file: BinaryIO) -> int:
    """Return the length of an open file."""
    place = file.tell()
    size = file.seek(0, 2)
    file.seek(place)
    return size


def _array(data: bytearray, entry: Mapping[str, Any]) -> NDArray[Any]:
    """Return an array that is described in a header."""
    try:
        dtype, shape = _TYPES[entry["dtype"]], tuple(int(side) for side in entry["shape"])
        begin, end = entry["data_offsets"]
        count = math.prod(shape)
        if min(shape, default=1) < 0 or not 0 <= begin <= end <= len(data):
            raise ValueError("outside of the file")
        if end - begin != count * dtype.itemsize:
            raise ValueError("another number of bytes")
        return np.frombuffer(data, dtype, count, begin).reshape(shape)
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedError("an array is described wrongly") from error


def _checksum(key: str, about: str, arrays: Mapping[str, NDArray[Any]]) -> str:
    """Return the SHA-256 of all that a file holds."""
    digest = hashlib.sha256()
    shapes = {name: [array.dtype.str, list(array.shape)] for name, array in arrays.items()}
    digest.update(json.dumps([FORMAT, key, about, shapes], sort_keys=True).encode())
    for name in sorted(arrays):
        digest.update(_raw(arrays[name]))
    return digest.hexdigest()


def _raw(array: NDArray[Any]) -> memoryview:
    """Return the bytes of a contiguous array, without a copy."""
    return array.reshape(-1).view(np.uint8).data
