"""Which object of an image is at work, with its prompts, and the steps that prompts make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from napari_m2n2.annotation.history import Step
from napari_m2n2.annotation.masks import Mask
from napari_m2n2.annotation.objects import largest
from napari_m2n2.annotation.planes import Plane
from napari_m2n2.errors import InputError
from napari_m2n2.viewer import sentences, tools
from napari_m2n2.viewer.kept_prompts import KeptPrompts, bring_back, keep, nothing_kept
from napari_m2n2.viewer.pair import Pair
from napari_m2n2.viewer.work import Work

if TYPE_CHECKING:
    from napari_m2n2.viewer.controller import Controller
    from napari_m2n2.viewer.outliner import Outliner


@dataclass(frozen=True, eq=False)
class Scene:
    """An object at work, with its prompts and what is shown of it."""

    work: Work
    kept: KeptPrompts
    masks: Mapping[Plane, Mask]


class Scenes:
    """Turns from object to object, and from prompts to prompts.

    Parameters
    ----------
    controller : Controller
    outliner : Outliner
    """

    def __init__(self, controller: Controller, outliner: Outliner) -> None:
        self._controller = controller
        self._viewer = controller.viewer
        self._state = controller.state
        self._outliner = outliner

    def begin_next(self, pair: Pair) -> None:
        """Turn to a new object."""
        self.turn(pair, Scene(self.new_work(pair), nothing_kept(pair), {}))

    def new_work(self, pair: Pair, number: int = 0) -> Work:
        """Return a new object, or one with the sentence why there is no number for it.

        It has the next number, or the one given if that can be.
        """
        dtype = pair.labels.data.dtype
        try:
            if not self._state.semantic:  # a number of its own is that of no class
                values = {known.value for known in pair.table}
                pair.table.reserve(values)
                number = 0 if number in values else number
            number = number or pair.table.next_id(dtype)
            value = self._state.class_value if self._state.semantic else number
            if value > largest(dtype):
                raise InputError(
                    f"Labels of type {dtype} cannot hold {value}; choose a smaller class."
                )
        except InputError as error:
            return Work(0, 0, problem=str(error))
        return Work(number, value)

    def heed_choices(self, pair: Pair) -> None:
        """Show the object at work as the user wants objects to be written now."""
        pair.writer.set_overwrite(self._state.overwrite)
        if pair.record is not None:
            return
        work = self.new_work(pair, pair.work.id)
        if work.value == pair.work.value and not pair.work.problem:
            return
        masks = pair.writer.previews.masks
        pair.work.id, pair.work.value, pair.work.problem = work.id, work.value, work.problem
        pair.work.ownership = None
        pair.begin(pair.work)
        pair.writer.show(masks)
        self._controller.on_work(pair)

    def now(self, pair: Pair) -> Scene:
        """Return the object at work with all that is needed to come back to it."""
        masks = {plane: Mask.pack(mask) for plane, mask in pair.writer.previews.masks.items()}
        return Scene(pair.work, keep(pair), masks)

    def turn(self, pair: Pair, scene: Scene) -> None:
        """Let another object be at work."""
        pair.begin(scene.work)
        pair.writer.set_overwrite(self._state.overwrite)
        self._bring_back(pair, scene.kept)
        pair.writer.show({plane: mask.unpack() for plane, mask in scene.masks.items()})
        self._controller.on_work(pair)

    def _bring_back(self, pair: Pair, kept: KeptPrompts) -> None:
        """Let the layers hold prompts."""
        bring_back(pair, kept)
        pair.kept = kept
        if kept.shapes:
            tools.add_shapes(self._viewer, pair)

    def heed_prompts(self, pair: Pair, *, draft: bool) -> None:
        """Make a step of what has changed among the prompts.

        Parameters
        ----------
        pair : Pair
        draft : bool
            Whether they will soon change again, as while a slider is dragged.
        """
        pair.work.touch()
        now = keep(pair)
        if draft or now == pair.kept:
            return
        before, pair.kept = pair.kept, now
        pair.work.clicks += max(0, len(now) - len(before))
        plane = self._controller.shown_of(pair)
        if plane is not None:
            pair.work.planes[plane] = None
        go = partial(self._prompt_again, pair)
        text = sentences.changed_prompts(len(now) - len(before))
        pair.history.push(Step(text, partial(go, before), partial(go, now), plane))

    def _prompt_again(self, pair: Pair, kept: KeptPrompts) -> None:
        """Go to other prompts of the object at work."""
        self._bring_back(pair, kept)
        shown, planes = self._controller.shown_of(pair), pair.work.planes
        # another plane may cross one of them, and has not been outlined
        self._outliner.refresh(pair, shown if shown in planes else None, planes)

    def clear_prompts(self, pair: Pair, plane: Plane | None) -> None:
        """Remove the prompts of a plane, or of all planes."""
        layers = ((pair.prompts, pair.points_on), (pair.shapes, pair.shapes_on))
        if not pair.drawings.finish():
            return
        before = pair.kept
        with pair.silently():
            for layer, lies in layers:
                every = range(len(layer.data))
                chosen = every if plane is None else [int(index) for index in lies(plane)]
                if len(chosen):
                    layer.selected_data = {*chosen}
                    layer.remove_selected()
        if keep(pair) != before:
            self._controller.on_prompts(pair)
