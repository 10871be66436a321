"""Writing a file so that it is either complete or not there at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from napari_m2n2.errors import FileError


@contextmanager
def replacing(path: Path | str, *, durable: bool = True) -> Iterator[Path]:
    """Give a temporary path next to `path`, and move it there when the block ends well.

    Parameters
    ----------
    path : path
        The file to make or to replace. What is there stays until the new file is complete.
    durable : bool
        Whether to wait until the disk has it. Not needed for what can be made again and has a
        checksum.

    Yields
    ------
    Path
        A file in the same folder, with the same ending, to be written instead. It is removed when
        the block is left by an exception, Ctrl-C included.

    Raises
    ------
    FileError
        If the folder cannot be written to or the disk is full.
    """
    target = Path(os.path.realpath(path))  # a link keeps pointing to the file behind it
    temporary = _make_temporary(target)
    try:
        with saying_why(path):
            yield temporary
            if durable:
                _flush(temporary)
            os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def saying_why(path: Path | str) -> Iterator[None]:
    """Raise FileError, in one sentence, where the block cannot write what is meant for `path`."""
    try:
        yield
    except FileError:
        raise
    except OSError as error:
        raise FileError(
            f"{path} could not be written ({error.strerror or error}); "
            "choose another place with enough room."
        ) from error


def beside(target: Path, ending: str, make: Callable[[Path], object]) -> Path:
    """Make something empty and hidden next to `target`, and return where.

    Parameters
    ----------
    target : Path
    ending : str
        Of its name.
    make : callable
        Makes it where it is told; must not replace what is there.

    Raises
    ------
    FileError
        If the folder cannot be written to.
    """
    temporary = target.with_name(f".napari-m2n2-{secrets.token_hex(8)}{ending}")
    try:
        make(temporary)
    except OSError as error:
        raise FileError(
            f"The folder {target.parent} cannot be written to ({error.strerror or error}); "
            f"choose another place for {target.name}."
        ) from error
    return temporary


def check_writable(path: Path | str) -> None:
    """Raise FileError, in one sentence, if `path` could not be written; leave nothing behind."""
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise FileError(f"{path} is a folder; give the name of a file to write.")
    if not target.parent.exists():
        raise FileError(f"The folder {target.parent} does not exist; make it first.")
    if not target.parent.is_dir():
        raise FileError(
            f"{target.parent} is not a folder; choose another place for {target.name}."
        )
    _make_temporary(target).unlink()


def _make_temporary(target: Path) -> Path:
    """Make an empty hidden file next to `target`, with the rights a new file gets."""
    ending = "".join(target.suffixes[-2:]) if target.suffix == ".gz" else target.suffix
    return beside(target, ending, _make_file)


def _make_file(path: Path) -> None:
    """Make an empty file."""
    # not tempfile: its files are readable by their owner only, and the labels would stay so
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))


def _flush(path: Path) -> None:
    """Wait until the file is on the disk, so that a power cut cannot leave an empty one."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())
