"""Carrying a committed object on to other planes, and filling between its planes.

One plane after the other is worked in a thread and written to the labels, each as one step of
undo. While the user's own clicks have work to do, the next plane waits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.annotation.between import fill, find_gaps
from napari_m2n2.annotation.carried import (
    NO_GAP,
    NO_OBJECT,
    axis_along,
    carried_record,
    interpolated_record,
    lacks,
    mask_on,
    may_be_made,
)
from napari_m2n2.annotation.compute import Computer
from napari_m2n2.annotation.courses import Course, Onward, Refit
from napari_m2n2.annotation.jobs import Failed, Job, Outcome, Segmented
from napari_m2n2.annotation.newest import Compute, Runner
from napari_m2n2.annotation.objects import AnnotatedObject
from napari_m2n2.annotation.ownership import compose
from napari_m2n2.annotation.planes import Plane, read_plane
from napari_m2n2.annotation.region import whole_plane
from napari_m2n2.annotation.volume import Limits, Propagation
from napari_m2n2.errors import InputError
from napari_m2n2.progress import Progress
from napari_m2n2.viewer.background import Background
from napari_m2n2.viewer.making import made_by
from napari_m2n2.viewer.pair import Pair
from napari_m2n2.viewer.sentences import counted

if TYPE_CHECKING:
    from napari_m2n2.viewer.controller import Controller


@dataclass(eq=False)
class _Errand:
    """What is under way for one object."""

    pair: Pair
    number: int
    course: Course
    verb: str
    all: int
    written: int = 0
    last: Plane | None = None
    share: float = 0.0


class Carrying(Background):
    """Carries objects of the image at work through its stack.

    Parameters
    ----------
    controller : Controller
    compute : Compute, optional
        By default one of its own, which has the settings of the controller's state.
    runner : Runner
    """

    def __init__(self, controller: Controller, compute: Compute | None, runner: Runner) -> None:
        super().__init__(controller, runner)
        self._own = Computer(kept=1) if compute is None else None
        self._compute = compute or self._own
        self._errand: _Errand | None = None
        self._going = False
        self._user_waits = False
        self._connections.connect(controller.busy, self._on_busy)

    @property
    def busy(self) -> bool:
        """Whether an object is being carried on."""
        return self._errand is not None

    def carry_on(
        self,
        number: int | None = None,
        *,
        axis: int | None = None,
        steps: tuple[int, ...] = (1, -1),
        limits: Limits | None = None,
    ) -> None:
        """Carry an object on from the plane on screen to those beside it, until it ends.

        Parameters
        ----------
        number : int, optional
            Of the object; by default the one at work, which is committed, or the newest one.
        axis : int, optional
            The hidden axis to go along; by default the last one with more than one plane.
        steps : tuple of {1, -1}
            In which directions.
        limits : Limits, optional
        """
        limits = limits or Limits()

        def begin(pair: Pair, known: AnnotatedObject) -> Course:
            plane = pair.shown(self._controller.viewer.dims)
            along = axis_along(plane, axis)
            mask = mask_on(known.records.get(plane), plane)

            def is_taken(other: Plane) -> bool:
                return not may_be_made(known.records.get(other))

            parts = [Propagation(plane, mask, along, step, limits, is_taken) for step in steps]
            return Onward(parts)

        self._begin(number, "carried on to", begin)

    def fill_between(
        self,
        number: int | None = None,
        *,
        axis: int | None = None,
        refit: bool = False,
        overlap: float = Limits.overlap,
    ) -> None:
        """Fill the planes between those on which an object is outlined, all in one step of undo.

        Parameters
        ----------
        number, axis
            See `carry_on`.
        refit : bool
            Whether each plane is fitted to the image afterwards, each in a step of its own.
        overlap : float
            Where the fitted outline covers less of the interpolated one, that one stays.
        """

        def begin(pair: Pair, known: AnnotatedObject) -> Course:
            plane = pair.shown(self._controller.viewer.dims)
            masks = {
                where: record.mask.unpack()
                for where, record in known.records.items()
                if record.mask is not None and record.area
            }
            found = dict(fill(find_gaps(masks, plane, axis_along(plane, axis)), masks))
            if not found:
                raise InputError(NO_GAP)
            records = {where: interpolated_record(mask) for where, mask in found.items()}
            if not self._controller.write_planes(known.id, records, pair):
                return Refit({}, overlap)
            self.said.emit(
                f"Object {known.id} was filled in on {counted(len(found), 'slice')}.", False
            )
            return Refit(found if refit else {}, overlap)

        self._begin(number, "fitted to the image on", begin)

    def stop(self) -> None:
        """Call it off; the planes that were written stay."""
        if self._errand is not None:
            self._call_off()
            self._be_done("it was stopped")

    def close(self, _object: object = None) -> None:
        """Call it off for good."""
        self._errand = None
        super().close()

    # how it goes

    def _begin(
        self,
        number: int | None,
        verb: str,
        begin: Callable[[Pair, AnnotatedObject], Course],
    ) -> None:
        """Begin an errand, or say why it cannot be."""
        controller = self._controller
        if self.busy:
            return
        try:
            known = self._object(number)
            pair = controller.current
            if known is None or pair is None:
                return
            course = begin(pair, known)
        except InputError as error:
            self.said.emit(str(error), True)
            return
        if course.left or course.reason:
            self._errand = _Errand(pair, known.id, course, verb, course.left)
            self.changed.emit()
            self._go_on()

    def _object(self, number: int | None) -> AnnotatedObject | None:
        """Return the object to go on with; what is at work is committed if it is that one."""
        controller, pair = self._controller, self._controller.current
        if pair is None:
            raise InputError(NO_OBJECT)
        at_work = pair.prompted and number in (None, pair.work.id)
        if at_work or (number is not None and number == pair.work.id):
            return controller.commit()
        known = [each.id for each in controller.table]
        if not known:
            raise InputError(NO_OBJECT)
        return controller.table[known[-1] if number is None else number]

    def _on_busy(self, busy: bool) -> None:
        """Wait while the user's own clicks have work to do."""
        self._user_waits = busy
        self._go_on()

    def _go_on(self) -> None:
        """Ask for the next plane, unless there is other work."""
        if self._going:  # a runner that works at once would come here from within
            return
        self._going = True
        try:
            while self._errand is not None and not (self.at_work or self._user_waits):
                self._ask(self._errand)
        finally:
            self._going = False

    def _ask(self, errand: _Errand) -> None:
        """Have the next plane outlined, or end."""
        course, pair = errand.course, errand.pair
        plane, prompts = course.plane, course.prompts
        if plane is None:
            self._be_done(course.reason)
        elif self._controller.current is not pair:
            self._be_done("another image is at work")
        elif _was_undone(errand):
            self._be_done("it was undone")
        else:
            try:
                picture = pair.source.picture(plane, prompts)
            except InputError as error:
                self._be_done(str(error), failed=True)
                return
            job = Job(
                read=picture.read,
                key=picture.key,
                prompts=prompts,
                contrast=picture.contrast,
                settings=self._controller.state.settings,
                region=picture.region,
            )
            self._work_on(partial(self._outline, job), partial(self._done, errand, plane, job))

    def _outline(self, job: Job, progress: Progress) -> Outcome:
        """Outline a plane, in the thread."""
        return self._compute(job, progress, progress)

    def _done(self, errand: _Errand, plane: Plane, job: Job, outcome: Any) -> None:
        """Write what was found on a plane, and go on."""
        if errand is not self._errand:  # called off; another one may have waited for its end
            self._go_on()
        elif isinstance(outcome, Failed):
            self._be_done(outcome.message, failed=True)
        elif _was_undone(errand):
            self._be_done("it was undone")
        elif isinstance(outcome, Segmented):
            self._going = True  # what is written makes itself heard, before it is counted
            try:
                self._settle(errand, plane, job, outcome)
            finally:
                self._going = False
            self._go_on()
        else:
            self._be_done("it was stopped")

    def _settle(self, errand: _Errand, plane: Plane, job: Job, outcome: Segmented) -> None:
        """Write an outline unless the object has ended."""
        whole = compose(np.zeros(plane.size, bool), outcome.mask, job.region)
        mask = errand.course.answer(whole & ~self._others(errand, plane))
        if mask is None:
            return
        region = None if job.region == whole_plane(plane.size) else job.region
        made = replace(made_by(errand.pair.source, plane, job, outcome), way="propagated")
        record = carried_record(job.prompts, mask, made, region)
        if not self._controller.write_planes(errand.number, {plane: record}, errand.pair):
            self._be_done("it could not be written")
            return
        errand.written += 1
        errand.last = plane

    def _others(self, errand: _Errand, plane: Plane) -> NDArray[np.bool_]:
        """Return where other objects are on a plane, into which it shall not grow."""
        current = read_plane(errand.pair.labels.data, plane)
        free = (0, errand.pair.table[errand.number].value)
        return ~np.isin(current, free) & (not self._controller.state.overwrite)

    def _report(self, phase: str, fraction: float) -> None:
        """Tell how far all of it is."""
        errand = self._errand
        if errand is not None and errand.course.plane is not None:
            # phases follow one another on a plane, each from 0 to 1
            now = (errand.all - errand.course.left + 0.9 * fraction) / errand.all
            errand.share = max(errand.share, now)
            self.progressed.emit(f"{errand.course.plane.name}: {phase}", errand.share)

    def _be_done(self, reason: str, *, failed: bool = False) -> None:
        """Tell what came of it."""
        errand, self._errand = self._errand, None
        if self._own is not None:
            self._own.forget()
        if errand is not None:
            text = f"Object {errand.number} was {errand.verb} {counted(errand.written, 'slice')}"
            text += f": {reason}" if reason else ""
            self.said.emit(text if text.endswith(".") else f"{text}.", failed)
        self.changed.emit()


def _was_undone(errand: _Errand) -> bool:
    """Tell whether what was written last is no more."""
    return errand.last is not None and lacks(errand.pair.table, errand.number, errand.last)
