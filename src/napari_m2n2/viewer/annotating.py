"""What is done with the objects of an image, each of it a step that can be undone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from napari_m2n2.annotation.found import object_of
from napari_m2n2.annotation.history import Step
from napari_m2n2.annotation.objects import AnnotatedObject, ObjectState, ObjectTable
from napari_m2n2.annotation.pixels import NO_PIXELS
from napari_m2n2.annotation.planes import Plane
from napari_m2n2.annotation.region import whole_plane
from napari_m2n2.errors import InputError
from napari_m2n2.viewer import recording, sentences, tools
from napari_m2n2.viewer.deeds import Deed
from napari_m2n2.viewer.kept_prompts import from_records, nothing_kept
from napari_m2n2.viewer.pair import Pair
from napari_m2n2.viewer.scenes import Scene, Scenes
from napari_m2n2.viewer.steps import PlanesStep, planes_of
from napari_m2n2.viewer.work import Made, Work

if TYPE_CHECKING:
    from napari_m2n2.viewer.controller import Controller
    from napari_m2n2.viewer.outliner import Outliner


class Annotating:
    """Commits, re-opens, deletes and merges objects, undoes and does again.

    Parameters
    ----------
    controller : Controller
    outliner : Outliner
    scenes : Scenes
    """

    def __init__(self, controller: Controller, outliner: Outliner, scenes: Scenes) -> None:
        self._controller = controller
        self._state = controller.state
        self._outliner = outliner
        self._scenes = scenes

    def begin_next(self, pair: Pair) -> None:
        """Turn to a new object."""
        self._scenes.begin_next(pair)

    def heed_prompts(self, pair: Pair, *, draft: bool) -> None:
        """Make a step of what has changed among the prompts."""
        self._scenes.heed_prompts(pair, draft=draft)

    def clear_prompts(self, pair: Pair, plane: Plane | None) -> None:
        """Remove the prompts of a plane, or of all planes."""
        self._scenes.clear_prompts(pair, plane)

    def heed_choices(self, pairs: Iterable[Pair]) -> None:
        """Show the objects at work as the user wants objects to be written now."""
        for pair in pairs:
            self._scenes.heed_choices(pair)

    # commits

    def commit(self, pair: Pair) -> AnnotatedObject | None:
        """Commit the object at work and begin the next; None if it cannot be, which is said."""
        self.follow(pair)
        if self._outliner.works_for(pair):
            pair.is_waiting = True
            for layer in (pair.prompts, pair.shapes):  # a click would count for this object
                layer.mode = "pan_zoom"
            self._controller.note(sentences.COMMIT_WAITS)
            return None
        pair.is_waiting = False
        if pair.work.problem:
            return self._refuse(pair.work.problem)
        if not pair.prompted and not pair.writer.previews.drafts and pair.record is None:
            return self._refuse(sentences.NOTHING_TO_COMMIT)
        committed = recording.object_at_work(pair)
        if not committed.area:
            return self._refuse(sentences.NO_OUTLINE)
        before = self._scenes.now(pair)
        pixels = pair.writer.commit()
        others = recording.overwritten(pair, pixels, committed)
        deed = pair.deeds.add(pixels, {committed.id: committed, **others})
        after = Scene(self._scenes.new_work(pair), nothing_kept(pair), {})
        self._forget_answers(pair)
        self._scenes.turn(pair, after)
        self.push(pair, f"commit of object {committed.id}", deed, before, after)
        self._controller.note(sentences.committed(committed))
        return committed

    def _forget_answers(self, pair: Pair) -> None:
        """Let only the object that was committed last keep its answers, which are large."""
        if pair.committed_last is not None and pair.committed_last is not pair.work:
            pair.committed_last.answers.clear()
        pair.committed_last = pair.work

    def _refuse(self, sentence: str) -> None:
        """Say why something cannot be done."""
        self._controller.say(sentence, failed=True)

    def leave(self, pair: Pair) -> bool:
        """Commit what is at work, if anything is; tell whether nothing is any more."""
        busy = pair.prompted or bool(pair.writer.previews.drafts)
        return not busy or self.commit(pair) is not None

    def settled(self, pair: Pair) -> None:
        """Make up for a commit that had to wait for the outline."""
        if pair.is_waiting and not self._outliner.works_for(pair):
            self.call_off(pair)
            self.commit(pair)
            tools.take(tools.TOOLS[0], self._controller.viewer, pair)

    def call_off(self, pair: Pair) -> None:
        """Let a commit that waits for the outline not be done."""
        if pair.is_waiting:
            pair.is_waiting = False
            tools.take(tools.TOOLS[0], self._controller.viewer, pair)

    # objects of the table

    def reopen(self, pair: Pair, number: int) -> bool:
        """Go on with a committed object and its prompts; tell whether it can be."""
        self.follow(pair)
        known = pair.table[number]
        if pair.work.id == number:
            return True
        if not self.leave(pair):
            return False
        before = self._scenes.now(pair)
        after = self.go_on(pair, known)
        text = f"re-opening of object {number}"
        turns = [partial(self._scenes.turn, pair, scene) for scene in (before, after)]
        pair.history.push(PlanesStep(text, *turns, planes=known.planes))
        self._controller.look()
        return True

    def reopen_value(self, pair: Pair, value: int) -> bool:
        """Go on with the object that has a value in the labels, painted by hand perhaps."""
        numbers = [known.id for known in pair.table if known.value == value]
        if len(numbers) > 1:
            names = sentences.numbered(numbers)
            raise InputError(f"Label {value} is that of {names}; choose one in the table.")
        if not numbers:
            with pair.writer.base():
                found = object_of(pair.labels.data, value, pair.source.displayed)
            pair.deeds.add(NO_PIXELS, {value: found})
            numbers = [value]
        return self.reopen(pair, numbers[0])

    def go_on(self, pair: Pair, known: AnnotatedObject) -> Scene:
        """Let an object be at work with its prompts; what is there is their answer already."""
        work = Work(known.id, known.value, clicks=known.clicks, seconds=known.seconds)
        missing = {} if known.id in pair.table else known.records
        masks = {plane: record.mask for plane, record in missing.items() if record.mask}
        scene = Scene(work, from_records(pair, known.records), masks)
        self._scenes.turn(pair, scene)
        for plane, record in known.records.items():
            if record.prompts and record.mask is not None:
                work.asked[plane] = pair.prompts_on(plane)
                work.said[plane] = (sentences.REOPENED.format(name=sentences.named(known)), False)
                if record.made is not None:
                    region = record.region or whole_plane(plane.size)
                    work.made[plane] = Made(region, record.made)
        work.planes.update(dict.fromkeys(known.planes))
        self._outliner.refresh(pair, None, work.planes)
        return scene

    def delete(self, pair: Pair, numbers: Iterable[int]) -> None:
        """Delete committed objects and their pixels."""
        self.follow(pair)
        known = [pair.table[number] for number in dict.fromkeys(numbers)]
        before = self._scenes.now(pair)
        at_work = pair.work.id in {each.id for each in known}
        if at_work:
            self._scenes.begin_next(pair)
        after = self._scenes.now(pair)
        found = [np.zeros(0, np.int64)]
        with pair.writer.base():
            found += [recording.positions(pair, each) for each in known]
            pixels = pair.writer.write(np.unique(np.concatenate(found)), 0)
        deed = pair.deeds.add(pixels, {each.id: None for each in known})
        text = f"deletion of {sentences.numbered([each.id for each in known])}"
        if at_work:
            self.push(pair, text, deed, before, after)
        else:
            self.push(pair, text, deed)

    def merge(self, pair: Pair, numbers: Iterable[int]) -> AnnotatedObject | None:
        """Make one object of several, with the number of the first."""
        self.follow(pair)
        chosen = list(dict.fromkeys(numbers))
        if pair.work.id in chosen and not self.leave(pair):
            return None
        parts = [pair.table[number] for number in chosen]
        trial = ObjectTable()
        trial.restore(pair.table.content)
        merged = trial.merge(chosen)
        with pair.writer.base():
            found = [recording.positions(pair, part) for part in parts[1:]]
            pixels = pair.writer.write(np.unique(np.concatenate(found)), merged.value)
        gone = {part.id: None for part in parts[1:]}
        deed = pair.deeds.add(pixels, {merged.id: merged, **gone})
        self.push(pair, f"merging of {sentences.numbered(chosen)}", deed)
        return merged

    def change(self, pair: Pair, text: str, changed: Iterable[AnnotatedObject]) -> None:
        """Put other objects of the same number in the places of some; no pixel changes."""
        entries = {new.id: new for new in changed if new != pair.table[new.id]}
        if entries:
            self.push(pair, text, pair.deeds.add(NO_PIXELS, entries))

    def rename(self, pair: Pair, number: int, name: str) -> None:
        """Give an object another name."""
        renamed = replace(pair.table[number], name=" ".join(name.split()))
        self.change(pair, f"renaming of object {number}", [renamed])

    def set_state(self, pair: Pair, numbers: Iterable[int], state: ObjectState) -> None:
        """Say how far objects are."""
        changed = [replace(pair.table[number], state=state) for number in numbers]
        text = f"state of {sentences.numbered([each.id for each in changed])}"
        self.change(pair, text, changed)

    # undo

    def push(
        self,
        pair: Pair,
        text: str,
        deed: Deed,
        before: Scene | None = None,
        after: Scene | None = None,
        planes: tuple[Plane, ...] = (),
    ) -> None:
        """Make a step of a deed, and of the objects at work before and after it."""

        def back() -> None:
            pair.deeds.undo(deed)
            if before is not None:
                self._scenes.turn(pair, before)

        def forth() -> None:
            pair.deeds.redo(deed)
            if after is not None:
                self._scenes.turn(pair, after)

        planes = planes or planes_of(deed.before, deed.after)
        pair.history.push(PlanesStep(text, back, forth, planes=planes))
        self._controller.on_work(pair)

    def undo(self, pair: Pair) -> None:
        """Undo the last step."""
        self._go(pair, pair.history.undo, "Undone", sentences.NOTHING_TO_UNDO)

    def redo(self, pair: Pair) -> None:
        """Do the step again that was undone last."""
        self._go(pair, pair.history.redo, "Done again", sentences.NOTHING_TO_REDO)

    def _go(self, pair: Pair, act: Callable[[], Step | None], done: str, nothing: str) -> None:
        if not pair.drawings.finish():
            return
        self.call_off(pair)
        self.follow(pair)
        before = _seen(pair)
        try:
            step = act()
            # the labels' own undo may have done it already
            while step is not None and _seen(pair) == before:
                step = act()
        except InputError as error:
            self._refuse(str(error))
            return
        self._controller.look()
        if step is None:
            self._controller.say(nothing)
            return
        planes = step.planes if isinstance(step, PlanesStep) else (step.plane,)
        shown = self._controller.shown_of(pair)
        unseen = [plane for plane in planes if plane is not None and plane != shown]
        self._controller.note(sentences.gone_back(done, step.text, unseen))

    def undo_in_labels(self, pair: Pair, *, redo: bool = False) -> None:
        """Undo or redo the last step of the labels' own history, which may be a commit."""
        with pair.writer.base():
            (pair.labels.redo if redo else pair.labels.undo)()
        self.follow(pair)
        self._controller.look()

    def follow(self, pair: Pair) -> None:
        """Take note of what the labels' own undo and brush have done."""
        with suppress(InputError):
            pair.writer.heed_history()
            pair.deeds.follow()


def _seen(pair: Pair) -> tuple[object, ...]:
    """Return all that a step can change."""
    return tuple(pair.table), pair.work, pair.kept
