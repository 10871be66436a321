"""What an evaluation has found so far, in a file beside RUN.json that only grows.

It holds the objects as they come, and what they were computed with (`napari_m2n2.bulk.lines`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from napari_m2n2.bulk import lines
from napari_m2n2.bulk.jsontext import to_text
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

        def check(head: Mapping[str, Any], whole: bool) -> None:
            check_format(head, self.path)
            if whole:
                check_same(head["settings"], head["source"], settings, source, self.path)

        self._lines = lines.Lines(
            self.path,
            {
                "kind": KIND,
                "format": FORMAT,
                "settings": settings_to_json(settings),
                "source": source,
            },
            take=self._take,
            check=check,
            noun="evaluation",
            verb="evaluate",
        )
        if not self._lines.resumed:
            self.computed.clear()

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
            self._lines.close()
        else:
            self.remove()

    def append(self, record: Record) -> None:
        """Add an object, and return when it is on the disk.

        Raises
        ------
        FileError
            If the disk is full.
        """
        self._lines.append({"object": record_to_json(record)})
        self.records.append(record)

    def note(self, computed: Mapping[str, Any]) -> None:
        """Add what the next objects are computed with, unless it was noted before."""
        entry = json.loads(to_text(computed))
        if entry not in self.computed:
            self._lines.append({"computed": entry})
            self.computed.append(entry)

    def remove(self) -> None:
        """Remove it, since RUN.json is complete."""
        self._lines.remove()

    def _take(self, entry: Mapping[str, Any]) -> bool:
        """Take a line that is there."""
        if "object" not in entry:
            self.computed.append(dict(entry["computed"]))
            return False
        self.records.append(record_from_json(entry["object"]))
        return True


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
    lines.check_same(
        {"settings": there, "source": there_source},
        {"settings": settings_to_json(settings), "source": source},
        path,
        "evaluation",
    )
