"""What an unfinished evaluation has found so far: a file beside RUN.json that only grows.

Each line is JSON and is on the disk before the next one is begun: first what is evaluated and how,
then the objects as they come, and what they were computed with. A line that was cut short by a
kill or a power cut is dropped. One process writes it, and holds a lock that ends with the process.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, NoReturn, Self

from napari_m2n2.errors import FileError
from napari_m2n2.evaluation.jsontext import to_text
from napari_m2n2.evaluation.runs import (
    FORMAT,
    Record,
    Settings,
    check_format,
    record_from_json,
    record_to_json,
    settings_to_json,
)

KIND = "napari-m2n2 unfinished evaluation"

_BEGIN = f'{{"kind": "{KIND}"'.encode()
"""How the file begins; it can be cut short."""


class Journal:
    """The journal of a run file, begun or gone on with; to be used as a context manager.

    Parameters
    ----------
    output : Path
        RUN.json, which may not exist yet.
    settings : Settings
    source : mapping
        What is evaluated; both have to be those of the journal that is there.

    Attributes
    ----------
    records : list of Record
        The objects that are in it.
    computed : list of mapping
        What they were computed with, as given to `note`.

    Raises
    ------
    FileError
        If it is of other settings, of another version, damaged, not writable, or in use.
    """

    def __init__(self, output: Path, settings: Settings, source: Mapping[str, Any]) -> None:
        self.path = journal_path(output)
        self.records: list[Record] = []
        self.computed: list[dict[str, Any]] = []
        head = {
            "kind": KIND,
            "format": FORMAT,
            "settings": settings_to_json(settings),
            "source": source,
        }
        self._file = _open(self.path)
        try:
            if not self._read(settings, source):
                self.computed.clear()
                self._file.truncate(0)
                self._begin(head)
        except BaseException:
            self._file.close()
            raise

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
        if self.records:
            self._file.close()
        else:
            self.remove()

    def append(self, record: Record) -> None:
        """Add an object, and return when it is on the disk.

        Raises
        ------
        FileError
            If the disk is full.
        """
        self._write({"object": record_to_json(record)})
        self.records.append(record)

    def note(self, computed: Mapping[str, Any]) -> None:
        """Add what the next objects are computed with, unless it was noted before."""
        entry = json.loads(to_text(computed))
        if entry not in self.computed:
            self._write({"computed": entry})
            self.computed.append(entry)

    def remove(self) -> None:
        """Remove it, since RUN.json is complete."""
        self._file.close()
        self.path.unlink(missing_ok=True)

    def _begin(self, head: Mapping[str, Any]) -> None:
        """Write the first line; where the disk is full no empty file is left."""
        try:
            self._write(head)
        except FileError:
            self.remove()
            raise

    def _write(self, entry: Mapping[str, Any]) -> None:
        """Add a line; where it cannot be complete there is none."""
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

    def _read(self, settings: Settings, source: Mapping[str, Any]) -> bool:
        """Take what is there, cut off a line that is not complete, and say if anything is left."""
        *lines, torn = self._file.read().split(b"\n")
        if not lines and _BEGIN[: len(torn)] == torn[: len(_BEGIN)]:
            return False
        entries = [self._parse(line, last=line is lines[-1]) for line in lines]
        try:
            head, *others = (entry for entry in entries if entry is not None)
            if head["kind"] != KIND:
                raise ValueError(head["kind"])
            check_format(head, self.path)
            for entry in others:
                if "object" in entry:
                    self.records.append(record_from_json(entry["object"]))
                else:
                    self.computed.append(dict(entry["computed"]))
            if self.records:
                check_same(head["settings"], head["source"], settings, source, self.path)
        except FileError:
            raise
        except (AttributeError, KeyError, TypeError, ValueError):
            self._refuse()
        self._file.truncate(
            sum(len(line) + 1 for line, entry in zip(lines, entries, strict=True) if entry)
        )
        return bool(self.records)

    def _parse(self, line: bytes, *, last: bool) -> Any:
        """Return the entry of a line; None if it is the last one and damaged."""
        try:
            return json.loads(line)
        except ValueError:
            if last:
                return None
            self._refuse()

    def _refuse(self) -> NoReturn:
        """Say that the journal cannot be used."""
        raise FileError(f"{self.path} is damaged; remove it and evaluate again.") from None


def journal_path(output: Path) -> Path:
    """Return where the journal of a run file lies."""
    return output.with_name(output.name + ".journal")


def check_same(
    there: Mapping[str, Any],
    there_source: Mapping[str, Any],
    settings: Settings,
    source: Mapping[str, Any],
    path: Path,
) -> None:
    """Raise FileError if a file is of other settings, as JSON, or of another source."""
    pairs = [
        (there, settings_to_json(settings)),
        (there_source, json.loads(to_text(source))),
    ]
    differ = [
        key
        for old, new in pairs
        for key in dict.fromkeys([*old, *new])
        if old.get(key) != new.get(key)
    ]
    if differ:
        raise FileError(
            f"{path} is of an evaluation with other settings ({', '.join(differ)}); "
            "give another file for this one, or remove it."
        )


def _open(path: Path) -> BinaryIO:
    """Open the journal, which may be new, for this process alone."""
    while True:
        try:
            file = path.open("a+b", buffering=0)
        except OSError as error:
            raise FileError(
                f"{path} cannot be written to ({error.strerror or error}); choose another place."
            ) from error
        try:
            _lock(file)
        except (BlockingIOError, PermissionError) as error:
            file.close()
            raise FileError(
                f"{path} is in use by another evaluation; wait for its end, or give another file."
            ) from error
        except OSError:
            # a file system without locks; nothing else keeps two evaluations apart there
            pass
        # another evaluation may have finished, and removed it, before the lock was there
        if path.exists() and os.path.samestat(path.stat(), os.fstat(file.fileno())):
            file.seek(0)
            return file
        file.close()


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
