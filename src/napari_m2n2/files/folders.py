"""Writing a folder, as zarr is one, so that it is either complete or not there at all."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from napari_m2n2.errors import FileError


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
    temporary = _make_temporary(target)
    try:
        yield temporary
        _put(temporary, target)
    except FileError:
        raise
    except OSError as error:
        raise FileError(
            f"{path} could not be written ({error.strerror or error}); "
            "choose another place with enough room."
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _make_temporary(target: Path) -> Path:
    """Make an empty hidden folder next to `target`."""
    temporary = target.with_name(f".napari-m2n2-{secrets.token_hex(8)}{target.suffix}")
    try:
        temporary.mkdir()
    except OSError as error:
        raise FileError(
            f"The folder {target.parent} cannot be written to ({error.strerror or error}); "
            f"choose another place for {target.name}."
        ) from error
    return temporary


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
