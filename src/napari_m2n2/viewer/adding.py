"""Objects that no prompts in the layers made: proposals, and planes filled between others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from napari_m2n2.annotation.objects import AnnotatedObject
from napari_m2n2.annotation.planes import Plane
from napari_m2n2.annotation.records import PlaneRecord
from napari_m2n2.errors import InputError
from napari_m2n2.viewer import recording
from napari_m2n2.viewer.pair import Pair

if TYPE_CHECKING:
    from napari_m2n2.viewer.annotating import Annotating
    from napari_m2n2.viewer.scenes import Scenes


class Adding:
    """Commits masks that come from elsewhere.

    Parameters
    ----------
    annotating : Annotating
    scenes : Scenes
    """

    def __init__(self, annotating: Annotating, scenes: Scenes) -> None:
        self._annotating = annotating
        self._scenes = scenes

    def add(
        self, pair: Pair, records: Mapping[Plane, PlaneRecord], name: str = ""
    ) -> AnnotatedObject:
        """Commit an object by its masks."""
        self._annotating.follow(pair)
        if pair.prompted:
            pair.table.reserve([pair.work.id])
        work = self._scenes.new_work(pair)
        if work.problem:
            raise InputError(work.problem)
        added = self._give(pair, AnnotatedObject(work.id, work.value, name), records, "addition")
        if not pair.prompted:  # whose number it has now
            self._scenes.begin_next(pair)
        return added

    def give(
        self, pair: Pair, number: int, records: Mapping[Plane, PlaneRecord]
    ) -> AnnotatedObject:
        """Give a committed object masks and prompts of further planes."""
        self._annotating.follow(pair)
        if pair.work.id == number:
            raise InputError(f"Object {number} is open; commit it first.")
        return self._give(pair, pair.table[number], records, "further planes")

    def _give(
        self,
        pair: Pair,
        known: AnnotatedObject,
        records: Mapping[Plane, PlaneRecord],
        what: str,
    ) -> AnnotatedObject:
        with pair.writer.base():
            overwrite = pair.writer.previews.overwrite
            where, values = recording.planned(pair, known, records, overwrite)
            pixels = pair.writer.write(where, values)
            asked = replace(known, records={**known.records, **records})
            given = recording.with_masks(pair, asked, records)
            others = recording.overwritten(pair, pixels, known)
        deed = pair.deeds.add(pixels, {given.id: given, **others})
        text = f"{what} of object {known.id}"
        self._annotating.push(pair, text, deed, planes=tuple(records))
        return given
