"""What can be done with the objects of an image, for keys, buttons, tables and scripts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from napari.layers import Image, Labels
from numpy.typing import NDArray

from napari_m2n2.annotation.history import History
from napari_m2n2.annotation.objects import (
    AnnotatedObject,
    ObjectState,
    ObjectTable,
    TableContent,
)
from napari_m2n2.annotation.planes import Plane
from napari_m2n2.annotation.records import PlaneRecord
from napari_m2n2.errors import InputError
from napari_m2n2.viewer import recording, restoring, sentences, tools
from napari_m2n2.viewer.going import go_to_plane

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari_m2n2.viewer.adding import Adding
    from napari_m2n2.viewer.annotating import Annotating
    from napari_m2n2.viewer.objects import Objects
    from napari_m2n2.viewer.pair import Pair

Result = TypeVar("Result")


class ObjectCommands:
    """The part of the controller that has to do with objects.

    Each command acts on the image at work; what cannot be done is said. Nothing is returned then.
    """

    viewer: ViewerModel
    current: Pair | None
    pairs: tuple[Pair, ...]
    _annotating: Annotating
    _adding: Adding
    _no_table: ObjectTable
    _no_history: History

    _objects: Objects
    say: Callable[..., None]
    look: Callable[..., None]

    @property
    def table(self) -> ObjectTable:
        """The committed objects; an empty table without an image."""
        return self._no_table if self.current is None else self.current.table

    @property
    def history(self) -> History:
        """What can be undone; an empty history without an image."""
        return self._no_history if self.current is None else self.current.history

    @property
    def at_work(self) -> int | None:
        """The number of the object that prompts count for."""
        return None if self.current is None else self.current.work.id

    def new_pair(self, image: Image | None) -> Pair | None:
        """Commit what is at work in an image, and be ready for clicks on the next object there."""
        if image is None:
            self.say(sentences.NO_IMAGE, failed=True)
            return None
        return self._objects.begin(image)

    def refine(self, label: int | None = None) -> Pair | None:
        """Go on with an object that a labels layer has already.

        The layer is the one that is active or at work, or else the topmost that is shown.

        Parameters
        ----------
        label : int, optional
            The object's number; by default the one that is selected in the layer.
        """
        return self._objects.refine(label)

    def use_labels(self, labels: Labels) -> Pair | None:
        """Let the next objects be in a labels layer that somebody has made, beside its own."""
        return self._objects.use(labels)

    def commit(self) -> AnnotatedObject | None:
        """Commit the object at work and begin the next one."""
        return self._try(self._commit)

    def _commit(self, pair: Pair) -> AnnotatedObject | None:
        committed = self._annotating.commit(pair)
        if committed is not None:
            tools.take(tools.TOOLS[0], self.viewer, pair)
        return committed

    def undo(self) -> None:
        """Undo the last prompt, commit, or whatever was done to objects."""
        self._try(self._annotating.undo)

    def redo(self) -> None:
        """Do again what was undone last."""
        self._try(self._annotating.redo)

    def undo_in_labels(self) -> None:
        """Undo the last step of the labels' own history: a stroke, or a commit."""
        self._try(self._annotating.undo_in_labels)

    def redo_in_labels(self) -> None:
        """Do again what was undone last in the labels' own history."""
        self._try(partial(self._annotating.undo_in_labels, redo=True))

    def reopen(self, number: int) -> bool | None:
        """Go on with an object, with its prompts and where it is; what is at work is committed."""

        def act(pair: Pair) -> bool:
            opened = self._annotating.reopen(pair, number)
            if opened:
                self.go_to(number)
                tools.take(tools.TOOLS[0], self.viewer, pair)
            return opened

        return self._try(act)

    def delete(self, *numbers: int) -> None:
        """Delete objects, with their pixels, in one step."""
        self._try(lambda pair: self._annotating.delete(pair, numbers))

    def merge(self, numbers: Iterable[int]) -> AnnotatedObject | None:
        """Make one object of several, with the number of the first."""
        return self._try(lambda pair: self._annotating.merge(pair, numbers))

    def rename(self, number: int, name: str) -> None:
        """Give an object a name."""
        self._try(lambda pair: self._annotating.rename(pair, number, name))

    def set_state_of(self, numbers: int | Iterable[int], state: ObjectState) -> None:
        """Say how far objects are, in one step."""
        chosen = [numbers] if isinstance(numbers, int) else [*numbers]
        self._try(lambda pair: self._annotating.set_state(pair, chosen, state))

    def go_to(self, number: int) -> None:
        """Show an object: the plane on screen if it is there, else the one with most of it."""

        def act(pair: Pair) -> None:
            areas = self.table[number].areas
            if areas and pair.shown_or_none(self.viewer.dims) not in areas:
                plane = max(areas, key=lambda each: areas[each])
                go_to_plane(self.viewer, pair, plane)

        self._try(act)

    def clear_prompts(self, *, all_planes: bool = False) -> None:
        """Remove the prompts of the plane on screen, or of all planes."""

        def act(pair: Pair) -> None:
            plane = None if all_planes else pair.shown(self.viewer.dims)
            self._annotating.clear_prompts(pair, plane)

        self._try(act)

    # objects made elsewhere

    def add_object(
        self, records: Mapping[Plane, PlaneRecord], name: str = ""
    ) -> AnnotatedObject | None:
        """Commit an object by its masks, as one step; other pixels are not overwritten unasked."""
        return self._try(lambda pair: self._adding.add(pair, records, name))

    def write_planes(
        self, number: int, records: Mapping[Plane, PlaneRecord], pair: Pair | None = None
    ) -> bool:
        """Give a committed object further planes, as one step; tell whether it has them.

        The object is one of the image at work, or of another that is given by its layers.
        """
        given = self._try(lambda where: self._adding.give(where, number, records), pair)
        return given is not None

    # for tables and files

    def labels_of(self, image: Image) -> Labels | None:
        """Return the labels that the objects of an image are in."""
        pair = self._pair_of(image)
        return None if pair is None else pair.labels

    def colour_of(self, value: int) -> tuple[float, float, float, float] | None:
        """Return red, green, blue and opacity, 0 to 1, of a value of the labels."""
        if self.current is None:
            return None
        colour = np.asarray(self.current.labels.get_color(value)).reshape(-1)
        red, green, blue, opacity = (float(part) for part in colour)
        return red, green, blue, opacity

    def committed(self, image: Image | None = None) -> NDArray[Any] | None:
        """Return a copy of the labels of an image without the object at work, in its new parts."""
        pair = self.current if image is None else self._pair_of(image)
        return None if pair is None else pair.writer.previews.committed()

    def draft_record(self) -> AnnotatedObject | None:
        """Return the object at work as it would be committed now; None without any prompt."""
        pair = self.current
        if pair is None or not pair.prompted or not pair.work.id:
            return None
        return recording.object_at_work(pair)

    def restore(
        self,
        image: Image,
        objects: TableContent | Iterable[AnnotatedObject],
        labels: NDArray[Any] | None = None,
        draft: AnnotatedObject | None = None,
        used: Iterable[int] = (),
    ) -> Pair | None:
        """Go back to the objects of an earlier session; there is nothing to undo then.

        Parameters
        ----------
        image : Image
        objects : TableContent or iterable of AnnotatedObject
        labels : array of int, optional
            In the shape of the labels.
        draft : AnnotatedObject, optional
            What was at work.
        used : iterable of int
            Numbers that are not given again.
        """
        pair = self._pair_of(image) or self.new_pair(image)
        if pair is not None:
            act = partial(restoring.restore, self._annotating, pair)
            self._try(lambda _pair: act(objects, labels, draft, used))
        return pair

    def _pair_of(self, image: Image) -> Pair | None:
        found = [pair for pair in self.pairs if pair.image is image]
        return found[-1] if found else None

    def _try(self, act: Callable[[Pair], Result], pair: Pair | None = None) -> Result | None:
        """Do something with the image at work, or with another; say why it cannot be done."""
        pair = self.current if pair is None else pair
        if pair is None or pair not in self.pairs:
            self.look()
            return None
        try:
            return act(pair)
        except InputError as error:
            self.say(str(error), failed=True)
            return None
