"""What was done to the pixels and objects of an image: done, undone, and undone by others.

The Labels layer has a history of its own; where it takes a commit back, the table follows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from napari_m2n2.annotation.objects import AnnotatedObject, ObjectTable
from napari_m2n2.annotation.pixels import PixelChange
from napari_m2n2.viewer.writing import Writer

Entries: TypeAlias = Mapping[int, AnnotatedObject | None]
"""What the table has for some numbers; None where it has nothing."""


@dataclass(eq=False)
class Deed:
    """One change of pixels and of the table."""

    pixels: PixelChange
    before: Entries
    after: Entries
    done: bool = True


class Deeds:
    """The deeds of one image, in their order.

    Parameters
    ----------
    writer : Writer
    table : ObjectTable
    """

    def __init__(self, writer: Writer, table: ObjectTable) -> None:
        self._writer = writer
        self._table = table
        self._deeds: list[Deed] = []

    def add(self, pixels: PixelChange, after: Entries) -> Deed:
        """Change the table as well as the pixels, which are changed already."""
        before = {number: self._table.get(number) for number in after}
        deed = Deed(pixels, before, after)
        # the layer, too, forgets what was undone once there is something new
        self._deeds = [*[known for known in self._deeds if known.done][-_MOST:], deed]
        self._enter(after)
        return deed

    def undo(self, deed: Deed) -> None:
        """Take a deed back."""
        with self._writer.base():
            self._writer.undo(deed.pixels)
        self._enter(deed.before)
        deed.done = False

    def redo(self, deed: Deed) -> None:
        """Do a deed again."""
        with self._writer.base():
            self._writer.redo(deed.pixels)
        self._enter(deed.after)
        deed.done = True

    def clear(self) -> None:
        """Forget all deeds."""
        self._deeds.clear()

    def follow(self) -> None:
        """Let the table follow what the layer's own undo or redo has done to the pixels."""
        if not self._writer.is_whole:
            return
        seen = [deed for deed in self._deeds if len(deed.pixels)]
        undone = [deed for deed in seen if not deed.done]
        for deed in reversed([deed for deed in seen if deed.done]):
            if not self._writer.previews.holds(deed.pixels, deed.pixels.before):
                break
            self._enter(deed.before)
            deed.done = False
            undone = []
        for deed in undone:
            if not self._writer.previews.holds(deed.pixels, deed.pixels.after):
                break
            self._enter(deed.after)
            deed.done = True

    def _enter(self, entries: Entries) -> None:
        """Let the table have some entries."""
        for number, entry in entries.items():
            if entry is None and number in self._table:
                self._table.remove(number)
            elif entry is not None and number in self._table:
                self._table.replace(entry)
            elif entry is not None:
                self._table.add(entry)


_MOST = 200
"""Deeds that are remembered, more than the layer's own history has."""
