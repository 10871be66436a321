"""Planes that come one by one, put together to the labels and the record of each image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from napari_m2n2 import __version__, files
from napari_m2n2.bulk.clock import Pace
from napari_m2n2.bulk.plan import ImagePlan
from napari_m2n2.bulk.progressing import Progressing
from napari_m2n2.bulk.records import FORMAT, Failure, ImageRecord, ObjectRecord, digest_of
from napari_m2n2.bulk.segmenting import PlaneFound, PlaneTask
from napari_m2n2.errors import UserError
from napari_m2n2.files.images import read_geometry
from napari_m2n2.parallel import Failed, Outcome, Part


class Assembly:
    """What was found by earlier calls and by this one.

    Parameters
    ----------
    plans : sequence of ImagePlan
    earlier : mapping of str to ImageRecord
        Records of calls that got to their end, by their images.
    journal : Progressing
        Holds what a call that was stopped has found, and gets what is new.
    overwrite : bool
        Whether labels may be replaced that are not known to be ours.

    Attributes
    ----------
    tasks : list of PlaneTask
        What is left to do.
    """

    def __init__(
        self,
        plans: Sequence[ImagePlan],
        earlier: Mapping[str, ImageRecord],
        journal: Progressing,
        *,
        overwrite: bool,
    ) -> None:
        self._plans = plans
        self._journal = journal
        self._records: dict[int, ImageRecord] = {}
        self._open: dict[int, set[str]] = {}
        self._failed: dict[str, str] = {}
        self.tasks: list[PlaneTask] = []
        self._owners: list[int] = []
        self._total = sum(max(len(plan.planes), 1) for plan in plans)
        self._worked = 0
        for place, plan in enumerate(plans):
            self._sort(place, plan, earlier.get(str(plan.image)), overwrite=overwrite)

    def pace(self) -> Pace:
        """Return how far the batch is, in planes."""
        left = len(self.tasks) - self._worked
        return Pace(self._total, self._total - left, self._worked, begun=bool(self.tasks))

    def take(self, outcome: Outcome) -> None:
        """Keep what a worker tells; labels are written when all planes of an image are there.

        Raises
        ------
        FileError
            If the disk is full.
        """
        task, place = self.tasks[outcome.task], self._owners[outcome.task]
        if isinstance(outcome, Part):
            self._journal.add_plane(outcome.value)
            return
        if isinstance(outcome, Failed):
            self._failed[task.key] = unexpected(outcome.reason)
        self._worked += 1
        self._open[place].discard(task.key)
        if not self._open[place]:
            self._finish(place)

    def records(self) -> list[ImageRecord]:
        """Return the record of each image, in the order of the plans."""
        return [self._records[place] for place in range(len(self._plans))]

    def _sort(
        self, place: int, plan: ImagePlan, record: ImageRecord | None, *, overwrite: bool
    ) -> None:
        """Find out what is left to do for an image."""
        finished = self._journal.images.get(str(plan.image), record)
        if finished is not None and _is_done(plan, finished):
            self._records[place] = finished
            return
        sentence = plan.sentence
        if not sentence and not (overwrite or self._is_ours(plan, finished)):
            sentence = (
                f"The labels {plan.labels} are there already; move them away, write to another "
                "place, or give --overwrite."
            )
        if sentence:
            self._records[place] = _failed(plan, sentence)
            return
        known = self._journal.planes
        left = [task for task in plan.planes if not _is_found(known.get(task.key))]
        self._open[place] = {task.key for task in left}
        self.tasks += left
        self._owners += [place] * len(left)
        if not left:
            self._finish(place)

    def _is_ours(self, plan: ImagePlan, record: ImageRecord | None) -> bool:
        """Tell whether labels that are there may be replaced."""
        labels = str(plan.labels)
        if not plan.labels.exists() or labels in self._journal.begun:
            return True
        if record is None or record.labels != labels:
            return False
        return record.written == digest_of(plan.labels)

    def _finish(self, place: int) -> None:
        """Write the labels of an image, and note its record."""
        plan = self._plans[place]
        found = [self._journal.planes.pop(task.key, None) for task in plan.planes]
        made = [plane for plane in found if plane is not None and _is_any(plane)]
        failures = self._failures(plan, found)
        if not made:
            self._records[place] = _failed(plan, "", failures)
            return
        try:
            labels = _labels(plan, found)
            self._journal.begin(str(plan.labels))
            geometry = read_geometry(plan.image)
            # labels of a layer keep an axis of one index where the image has its channels
            shaped = labels.reshape(geometry.shape)
            files.write_labels(plan.labels, shaped, like=geometry)
        except UserError as error:
            self._records[place] = _failed(plan, str(error), failures)
            return
        record = ImageRecord(
            image=str(plan.image),
            labels=str(plan.labels),
            key=plan.key,
            written=digest_of(plan.labels),
            objects=_objects(plan, found, labels),
            failures=failures,
            weights=made[-1].weights,
            device=made[-1].device,
            version=__version__,
            grid=made[-1].grid,
            format=FORMAT,
        )
        self._journal.add_image(record)
        self._records[place] = record

    def _failures(
        self, plan: ImagePlan, found: Sequence[PlaneFound | None]
    ) -> tuple[Failure, ...]:
        """Return what could not be done on the planes of an image."""
        failures = list(plan.failures)
        for task, plane, slot in zip(plan.planes, found, plan.slots, strict=True):
            if plane is None:
                failures.append(Failure(self._failed[task.key], 0, slot.place))
                continue
            failures += [
                Failure(one.sentence, one.number, slot.place)
                for one in plane.objects
                if one.sentence
            ]
        return tuple(failures)


def unexpected(reason: str) -> str:
    """Return the sentence for what nobody has foreseen."""
    return f"It could not be segmented ({reason}); the same command tries it again."


def _is_done(plan: ImagePlan, record: ImageRecord) -> bool:
    """Tell whether nothing is left to do; labels that somebody corrected count as done."""
    same = record.key == plan.key and record.labels == str(plan.labels)
    # what the plan itself cannot do would fail again
    return same and record.failures == plan.failures and plan.labels.exists()


def _is_found(found: PlaneFound | None) -> bool:
    """Tell whether a plane need not be segmented again."""
    return found is not None and not any(one.sentence for one in found.objects)


def _is_any(found: PlaneFound) -> bool:
    """Tell whether there is any mask."""
    return any(not one.sentence for one in found.objects)


def _labels(plan: ImagePlan, found: Sequence[PlaneFound | None]) -> NDArray[np.int32]:
    """Return the labels of an image; what an object has, no later one gets."""
    labels = np.zeros(plan.shape, np.int32)
    for plane, slot in zip(found, plan.slots, strict=True):
        if plane is None:
            continue
        view = slot.view(labels)
        for one in plane.objects:
            if not one.sentence:
                part = view[one.mask.window]
                part[one.mask.part & (part == 0)] = one.number
    return labels


def _objects(
    plan: ImagePlan, found: Sequence[PlaneFound | None], labels: NDArray[np.int32]
) -> tuple[ObjectRecord, ...]:
    """Return what is told of the objects of an image."""
    names = {one.number: one.name for task in plan.planes for one in task.objects}
    objects = []
    for number, name in names.items():
        there = [
            (one, slot.place)
            for plane, slot in zip(found, plan.slots, strict=True)
            if plane is not None
            for one in plane.objects
            if one.number == number and not one.sentence
        ]
        if there:
            objects.append(
                ObjectRecord(
                    number=number,
                    name=name,
                    planes=tuple(index for _, index in there),
                    pixels=int(np.count_nonzero(labels == number)),
                    prompts=sum(one.prompts for one, _ in there),
                    seconds=round(sum(one.seconds for one, _ in there), 4),
                )
            )
    return tuple(objects)


def _failed(plan: ImagePlan, sentence: str, failures: tuple[Failure, ...] = ()) -> ImageRecord:
    """Return the record of an image without labels."""
    whole = (Failure(sentence),) if sentence else ()
    return ImageRecord(
        str(plan.image), failures=(*whole, *failures), version=__version__, format=FORMAT
    )
