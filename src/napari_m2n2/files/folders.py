"""Writing a folder, as zarr is one, so that it is either complete or not there at all."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from napari_m2n2.atomic import beside, saying_why


@contextmanager
def replacing_folder(path: Path | str) -> Iterator[Path]:
    """Give a temporary folder next to `path`, and move it there when the block ends well.

    Parameters
    ----------
    path : path
        The folder to make or to replace. What is there stays until the new one is complete.

    Yields
    ------
    Path
        An empty folder with the same ending, to be filled instead. It is removed when the block
        is left by an exception, Ctrl-C included.

    Raises
    ------
    FileError
        If the folder cannot be written or the disk is full.
    """
    target = Path(os.path.realpath(path))
    temporary = beside(target, target.suffix, Path.mkdir)
    try:
        with saying_why(path):
            yield temporary
            _put(temporary, target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _put(temporary: Path, target: Path) -> None:
    """Move a complete folder to its place; no system exchanges two folders in one step."""
    if not target.exists():
        temporary.rename(target)
        return
    before = target.with_name(f".napari-m2n2-{secrets.token_hex(8)}{target.suffix}")
    target.rename(before)
    try:
        temporary.rename(target)
    except BaseException:
        before.rename(target)
        raise
    shutil.rmtree(before, ignore_errors=True)
