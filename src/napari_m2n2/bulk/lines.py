"""What long work has done so far, in a file of lines that only grows.

Each line is JSON and is on the disk before the next one is begun: first what the work is, then its
entries as they come. A line that was cut short by a kill or a power cut is dropped. One process
writes the file, and holds a lock that ends with the process.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, NoReturn, TypeAlias

from napari_m2n2.bulk.jsontext import to_text
from napari_m2n2.errors import FileError

Entry: TypeAlias = Mapping[str, Any]


class Lines:
    """A file of lines, begun or gone on with.

    Parameters
    ----------
    path : Path
        The file, which may not exist yet.
    head : mapping
        What the work is. Its first entry has to be "kind"; a file of another kind is left alone.
    take : callable
        Called with each entry that is there, in their order; tells whether the entry is one that
        would be missed. Where there is none such, the file is begun anew. It may raise KeyError,
        TypeError, ValueError or AttributeError for an entry that cannot be one.
    check : callable
        Called with the head that is there, first for its format and then, where anything would be
        missed, for whether it is the same work: ``check(head, whole)``; raises FileError.
    noun, verb : str
        What the work is called: "evaluation", "evaluate".

    Attributes
    ----------
    path : Path

    Raises
    ------
    FileError
        If it is of another kind, damaged, not writable, in use, or `check` says so.
    """

    def __init__(
        self,
        path: Path,
        head: Entry,
        *,
        take: Callable[[Entry], bool],
        check: Callable[[Entry, bool], None],
        noun: str,
        verb: str,
    ) -> None:
        self.path = path
        self._take = take
        self._check = check
        self._noun = noun
        self._verb = verb
        self._begins = f'{{"kind": {json.dumps(head["kind"])}'.encode()
        self._file = self._open()
        try:
            self.resumed = self._read(head["kind"])
            if not self.resumed:
                self._file.truncate(0)
                self._begin(head)
        except BaseException:
            self._file.close()
            raise

    def append(self, entry: Entry) -> None:
        """Add a line, all of it or nothing, and return when it is on the disk.

        Raises
        ------
        FileError
            If the disk is full.
        """
        end = self._file.seek(0, os.SEEK_END)
        line = (to_text(entry) + "\n").encode()
        try:
            while line:
                line = line[self._file.write(line) :]
            os.fsync(self._file.fileno())
        except OSError as error:
            with suppress(OSError):
                self._file.truncate(end)
            raise FileError(
                f"{self.path} could not be written ({error.strerror or error}); make room on the "
                "disk and give the same command again, which goes on with what is there."
            ) from error

    def close(self) -> None:
        """Let it lie for the next time."""
        self._file.close()

    def remove(self) -> None:
        """Remove it, since the work is complete."""
        self._file.close()
        self.path.unlink(missing_ok=True)

    def _begin(self, head: Entry) -> None:
        """Write the first line; where the disk is full no empty file is left."""
        try:
            self.append(head)
        except FileError:
            self.remove()
            raise

    def _read(self, kind: str) -> bool:
        """Take what is there, cut off a line that is not complete, and say if anything is left."""
        *lines, torn = self._file.read().split(b"\n")
        if not lines and self._begins[: len(torn)] == torn[: len(self._begins)]:
            return False
        entries = [self._parse(line, last=line is lines[-1]) for line in lines]
        try:
            head, *others = (entry for entry in entries if entry is not None)
            if head["kind"] != kind:
                raise ValueError(head["kind"])
            self._check(head, False)
            resumed = sum(self._take(entry) for entry in others) > 0
            if resumed:
                self._check(head, True)
        except FileError:
            raise
        except (AttributeError, KeyError, TypeError, ValueError):
            self._refuse()
        self._file.truncate(
            sum(len(line) + 1 for line, entry in zip(lines, entries, strict=True) if entry)
        )
        return resumed

    def _parse(self, line: bytes, *, last: bool) -> Any:
        """Return the entry of a line; None if it is the last one and damaged."""
        try:
            return json.loads(line)
        except ValueError:
            if last:
                return None
            self._refuse()

    def _refuse(self) -> NoReturn:
        """Say that the file cannot be used."""
        raise FileError(f"{self.path} is damaged; remove it and {self._verb} again.") from None

    def _open(self) -> BinaryIO:
        """Open the file, which may be new, for this process alone."""
        while True:
            try:
                file = self.path.open("a+b", buffering=0)
            except OSError as error:
                raise FileError(
                    f"{self.path} cannot be written to ({error.strerror or error}); "
                    "choose another place."
                ) from error
            try:
                _lock(file)
            except (BlockingIOError, PermissionError) as error:
                file.close()
                raise FileError(
                    f"{self.path} is in use by another {self._noun}; "
                    "wait for its end, or give another file."
                ) from error
            except OSError:
                # a file system without locks; nothing else keeps two processes apart there
                pass
            # another process may have finished, and removed it, before the lock was there
            if self.path.exists() and os.path.samestat(self.path.stat(), os.fstat(file.fileno())):
                file.seek(0)
                return file
            file.close()


def check_same(there: Entry, wanted: Entry, path: Path, noun: str) -> None:
    """Raise FileError if what a file tells of its work, as JSON, is not what is wanted.

    Parameters
    ----------
    there, wanted : mapping of str to mapping
        Parts of the head by their names.
    path : Path
    noun : str
        What the work is called.
    """
    differ = [
        key
        for part, new in wanted.items()
        for key in dict.fromkeys([*there[part], *new])
        if there[part].get(key) != json.loads(to_text(new)).get(key)
    ]
    if differ:
        article = "an" if noun[0] in "aeiou" else "a"
        raise FileError(
            f"{path} is of {article} {noun} with other settings ({', '.join(differ)}); "
            "give another file for this one, or remove it."
        )


def _lock(file: BinaryIO) -> None:
    """Lock a file until it is closed or the process is gone."""
    if sys.platform == "win32":
        import msvcrt

        # a lock on Windows keeps others from reading as well: take a byte that is never written
        file.seek(2**31 - 2)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        file.seek(0)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
