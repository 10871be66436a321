"""All that an evaluation has found so far, put in the order of its images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from napari_m2n2.bulk.clock import Pace
from napari_m2n2.evaluation.datasets.base import Case
from napari_m2n2.evaluation.failure import Failure
from napari_m2n2.evaluation.journal import Journal
from napari_m2n2.evaluation.machine import joined
from napari_m2n2.evaluation.runs import FORMAT, Record, Run, Settings
from napari_m2n2.evaluation.summary import summarise
from napari_m2n2.evaluation.work import Computed, Finding, Opened, unexpected
from napari_m2n2.parallel import Failed, Outcome, Part

_Key = tuple[str, str, str]
"""Dataset, image and object."""

_COMPUTED = ("versions", "machine", "details")
"""What a run says of how it was computed."""


class Findings:
    """What was found by earlier calls and by this one.

    Parameters
    ----------
    cases : sequence of Case
    journal : Journal
        Holds the objects of a call that was stopped, and gets the new ones.
    earlier : Run, optional
        A run that was finished before.
    processes : int or str
        How many there are, or what is in their stead.

    Attributes
    ----------
    cases : list of Case
        Without those whose name was there before.
    settled : set of int
        Places of the cases that are through.
    new : dict of int to int
        Place of a case -> number of its objects that this call has clicked.
    """

    def __init__(
        self, cases: Sequence[Case], journal: Journal, earlier: Run | None, processes: int | str
    ) -> None:
        self._journal = journal
        self._processes = processes
        self._places: dict[tuple[str, str], int] = {}
        self.cases: list[Case] = []
        self._failures: list[tuple[int, Failure]] = []
        for case in cases:
            place = self._places.setdefault((case.dataset, case.image), len(self.cases))
            if place == len(self.cases):
                self.cases.append(case)
            else:
                sentence = "There are two images of this name; rename one, the first was taken."
                self._fail(place, "", sentence)
        self._records: dict[_Key, Record] = {}
        self._earlier = earlier
        self._done: dict[tuple[str, str], set[str]] = {}
        for record in (*(earlier.objects if earlier else ()), *journal.records):
            self._add(record)
        self._names: dict[int, tuple[str, ...]] = {}
        self.settled: set[int] = set()
        self.new: dict[int, int] = {}

    def done(self, case: Case) -> frozenset[str]:
        """Return the names of the objects of an image that are known already."""
        return frozenset(self._done.get((case.dataset, case.image), ()))

    def pace(self) -> Pace:
        """Return how far the evaluation is."""
        places = range(len(self.cases))
        return Pace(
            tasks=len(places),
            known=sum(1.0 if place in self.settled else self._share(place) for place in places),
            worked=sum(self._share(place) for place in self.new),
            begun=bool(self.new),
        )

    def _share(self, place: int) -> float:
        """Return the part of the work on an image that this call has done, in [0, 1]."""
        if place not in self.new:
            return 0.0
        return 1.0 if place in self.settled else self.new[place] / len(self._names[place])

    def take(self, outcome: Outcome) -> None:
        """Keep what a worker tells; an object is on the disk afterwards.

        Raises
        ------
        FileError
            If the disk is full.
        UserError
            If the worker cannot use the settings.
        """
        place = outcome.task
        if isinstance(outcome, Part):
            self._keep(place, outcome.value)
            return
        self.settled.add(place)
        if isinstance(outcome, Failed):
            case, sentence = self.cases[place], unexpected(outcome.reason)
            known = self.done(case) | {told.object for at, told in self._failures if at == place}
            for name in self._names.get(place, ("",)):
                if name not in known:
                    self._fail(place, name, sentence)

    def run(
        self, settings: Settings, source: Mapping[str, Any], problems: Sequence[Failure]
    ) -> Run:
        """Return the run that was found."""
        records = tuple(
            sorted(
                self._records.values(),
                key=lambda record: self._order(self._place(record), record.object),
            )
        )
        failures = sorted(self._failures, key=lambda told: self._order(told[0], told[1].object))
        computed: dict[str, Any] = {name: {} for name in _COMPUTED}
        if self._earlier is not None:
            computed = {name: getattr(self._earlier, name) for name in _COMPUTED}
        for one in self._journal.computed:
            for name in _COMPUTED:
                computed[name] = joined(computed[name], one[name])
        datasets = dict.fromkeys(record.dataset for record in records)
        return Run(
            format=FORMAT,
            settings=settings,
            source=dict(source),
            objects=records,
            failures=(*problems, *(failure for _, failure in failures)),
            summary={
                name: summarise([record for record in records if record.dataset == name])
                for name in datasets
            },
            **computed,
        )

    def _keep(self, place: int, finding: Finding) -> None:
        """Keep a finding of a worker."""
        if isinstance(finding, Record):
            self._journal.append(finding)
            self._add(finding)
            self.new[place] += 1
        elif isinstance(finding, Failure):
            self._fail(place, finding.object, finding.sentence)
        elif isinstance(finding, Opened):
            self._names[place] = finding.names
        elif isinstance(finding, Computed):
            self.new[place] = 0
            computed = {name: getattr(finding, name) for name in _COMPUTED}
            computed["machine"] = {**finding.machine, "processes": self._processes}
            self._journal.note(computed)
        else:
            raise finding.error

    def _add(self, record: Record) -> None:
        """Keep an object."""
        self._records[record.dataset, record.image, record.object] = record
        self._done.setdefault((record.dataset, record.image), set()).add(record.object)

    def _fail(self, place: int, name: str, sentence: str) -> None:
        """Keep why an object cannot be evaluated."""
        case = self.cases[place]
        self._failures.append((place, Failure(case.dataset, case.image, name, sentence)))

    def _place(self, record: Record) -> int:
        """Return the place of an object's image; that of one that is gone is the last."""
        return self._places.get((record.dataset, record.image), len(self.cases))

    def _order(self, place: int, name: str) -> tuple[int, int]:
        """Return where an object belongs; what an image does not name comes after the others."""
        names = self._names.get(place, ())
        return place, names.index(name) if name in names else len(names)
