"""From prompts to jobs, and from outcomes to labels, for all objects of a viewer.

Whatever changes among the prompts asks for the planes it concerns, the one on screen first. Work
that other work has overtaken is taken up again later. All of it runs in the thread of the window.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from napari_m2n2.annotation.jobs import Failed, Job, Outcome, Segmented
from napari_m2n2.annotation.newest import Compute, Newest, Runner
from napari_m2n2.annotation.planes import Plane
from napari_m2n2.annotation.prompts import NO_PROMPTS, PlanePrompts
from napari_m2n2.annotation.region import whole_plane
from napari_m2n2.errors import InputError
from napari_m2n2.progress import Progress
from napari_m2n2.viewer import sentences
from napari_m2n2.viewer.making import made_by
from napari_m2n2.viewer.pair import Pair
from napari_m2n2.viewer.weakly import weakly
from napari_m2n2.viewer.work import Answer


@dataclass(frozen=True, eq=False)
class _Tag:
    """Whom a job is for."""

    pair: Pair
    plane: Plane
    prompts: PlanePrompts


class Outliner:
    """Keeps the labels of every pair as its prompts ask.

    Parameters
    ----------
    compute : Compute
    runner : Runner
    make_job : callable
        Gives the job for the prompts of a plane.
    report : Progress
        Told how far the work is.
    changed : callable
        Called after anything has changed that there is to show.
    answered : callable
        Called with the object, the plane and the outcome once it is written, or None once the
        plane is cleared.
    """

    def __init__(
        self,
        compute: Compute,
        runner: Runner,
        make_job: Callable[[Pair, Plane, PlanePrompts], Job],
        report: Progress,
        changed: Callable[[], None],
        answered: Callable[[Pair, Plane, Segmented | None], None],
    ) -> None:
        self._make_job = make_job
        self._newest = Newest(compute, runner, weakly(self._done), report)
        self._changed = changed
        self._answered = answered
        self._overtaken: dict[tuple[Pair, Plane], None] = {}
        self._dropped: set[Pair] = set()
        self._drafts: set[tuple[Pair, Plane]] = set()
        self._closed = False

    @property
    def busy(self) -> bool:
        """Whether there is work."""
        return self._newest.busy

    def waits_for(self, pair: Pair, plane: Plane) -> bool:
        """Whether a plane has prompts that there is no answer to yet."""
        asked = plane in pair.asked and plane not in pair.said
        return asked or (pair, plane) in self._overtaken

    def refresh(self, pair: Pair, shown: Plane | None, also: Iterable[Plane] = ()) -> None:
        """Ask for the planes whose prompts differ from those last asked for.

        Parameters
        ----------
        pair : Pair
        shown : Plane, optional
            The plane on screen; others count only if they were asked for before.
        also : iterable of Plane
            More that count.
        """
        planes = dict.fromkeys(plane for plane in [*pair.asked, *also] if plane != shown)
        for plane in [*planes, *([] if shown is None else [shown])]:
            prompts = pair.prompts_on(plane)
            if prompts == pair.asked.get(plane, NO_PROMPTS):
                continue
            if plane == shown or not prompts:
                self._ask(pair, plane, prompts)
            else:
                self._overtaken[pair, plane] = None
        self._go_on()

    def again(self, pair: Pair, plane: Plane) -> None:
        """Ask for a plane once more, with other settings."""
        pair.asked.pop(plane, None)
        self.refresh(pair, plane)

    def works_for(self, pair: Pair) -> bool:
        """Whether any plane of an object waits for its answer."""
        planes = [*pair.asked, *(plane for known, plane in self._overtaken if known is pair)]
        return any(self.waits_for(pair, plane) for plane in planes)

    def finish(self, pair: Pair, plane: Plane) -> None:
        """Ask anew for what was asked for as a draft only."""
        if (pair, plane) in self._drafts:
            self.again(pair, plane)

    def forget(self, pair: Pair) -> None:
        """Write nothing that was asked for so far: its image has changed."""
        pair.asked.clear()
        self._overtaken = {key: None for key in self._overtaken if key[0] is not pair}

    def drop(self, pair: Pair) -> None:
        """Let go of a pair; the work for others goes on."""
        self._dropped.add(pair)
        self._overtaken = {key: None for key in self._overtaken if key[0] is not pair}
        for job in self._newest.stop():
            if job.tag.pair is not pair:
                job.tag.pair.asked.pop(job.tag.plane, None)
                self._overtaken[job.tag.pair, job.tag.plane] = None
        self._go_on()

    def stop(self) -> None:
        """Call off all work; the labels stay as they are."""
        waiting = [(job.tag.pair, job.tag.plane) for job in self._newest.stop()]
        for pair, plane in [*waiting, *self._overtaken]:
            pair.asked.pop(plane, None)
            pair.said[plane] = (sentences.STOPPED, False)
        self._overtaken.clear()
        self._changed()

    def close(self) -> None:
        """Call off all work for good."""
        self._closed = True
        self._overtaken.clear()
        self._newest.stop()

    def _ask(self, pair: Pair, plane: Plane, prompts: PlanePrompts) -> None:
        """Have a plane segmented; without prompts, clear it at once."""
        pair.said.pop(plane, None)
        self._overtaken.pop((pair, plane), None)
        try:
            if prompts:
                tag = _Tag(pair, plane, prompts)
                job = replace(self._make_job(pair, plane, prompts), tag=tag)
                pair.asked[plane] = prompts
                (self._drafts.add if job.draft else self._drafts.discard)((pair, plane))
                self._newest.submit(job)
            else:
                pair.asked.pop(plane, None)
                pair.clear(plane)
                self._answered(pair, plane, None)
        except InputError as error:
            pair.said[plane] = (str(error), True)

    def _go_on(self) -> None:
        """Take up work that was overtaken, if no other is under way."""
        while self._overtaken and not self.busy:
            pair, plane = next(iter(self._overtaken))
            self._ask(pair, plane, pair.prompts_on(plane))
        self._changed()

    def _done(self, job: Job, outcome: Outcome) -> None:
        """Write an outcome to the labels if it is still wanted."""
        if self._closed:
            return
        pair, plane, prompts = job.tag.pair, job.tag.plane, job.tag.prompts
        if pair not in self._dropped and pair.asked.get(plane) is prompts:
            self._settle(job, outcome)
        self._go_on()

    def _settle(self, job: Job, outcome: Outcome) -> None:
        """Act on the outcome of prompts that are still those of the plane."""
        pair, plane = job.tag.pair, job.tag.plane
        if isinstance(outcome, Segmented):
            pair.said[plane] = _write(job, outcome)
            region = job.region or whole_plane(plane.size)
            answer = Answer(outcome, region, job.prompts, job.map_of)
            pair.work.keep(plane, answer, made_by(pair.source, plane, job, outcome))
            self._answered(pair, plane, outcome)
        elif isinstance(outcome, Failed):
            pair.said[plane] = (outcome.message, True)
        else:
            del pair.asked[plane]
            if outcome.overtaken:
                self._overtaken[pair, plane] = None
            else:
                pair.said[plane] = (sentences.STOPPED, False)


def _write(job: Job, outcome: Segmented) -> tuple[str, bool]:
    """Write a mask to the labels; return what to say, and whether it tells of a failure."""
    pair, plane = job.tag.pair, job.tag.plane
    try:
        change = pair.writer.preview(plane, outcome.mask, job.region)
    except InputError as error:
        return str(error), True
    text = sentences.outlined(plane, outcome, job.prompts)
    return f"{text} {sentences.kept(change.kept)}".strip(), False
