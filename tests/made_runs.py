"""Runs made by hand, whose numbers are known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from napari_m2n2.evaluation.clicks import Click
from napari_m2n2.evaluation.runs import FORMAT, Failure, Record, Run, Settings
from napari_m2n2.evaluation.summary import summarise


def record(
    iou: Sequence[float],
    *,
    dataset: str = "grabcut50",
    domain: str = "natural",
    image: str = "a",
    name: str = "",
    clicks: int | None = None,
) -> Record:
    """An object whose IoU is given; every other score is half of it."""
    half = tuple(score / 2 for score in iou)
    made = len(iou) if clicks is None else clicks
    return Record(
        dataset=dataset,
        domain=domain,
        image=image,
        object=name,
        iou=tuple(iou),
        dice=half,
        boundary_f=half,
        surface=half,
        clicks=tuple(Click(k, 2 * k, k % 2 == 0) for k in range(made)),
        seconds={"prepare": 0.5, "clicks": [0.2] * made, "rescore": 0.002},
    )


def run(
    records: Sequence[Record],
    *,
    failures: Sequence[Failure] = (),
    source: dict[str, Any] | None = None,
    **settings: Any,
) -> Run:
    """A run of records."""
    most = max((len(one.iou) for one in records), default=20)
    names = dict.fromkeys(one.dataset for one in records)
    return Run(
        format=FORMAT,
        settings=Settings(**{"clicks": most, **settings}),
        versions={"napari-m2n2": "0.1.0"},
        machine={"cpu": "a computer"},
        source=source or {},
        objects=tuple(records),
        failures=tuple(failures),
        summary={
            name: summarise([one for one in records if one.dataset == name]) for name in names
        },
    )


def climbing(start: float, step: float, clicks: int = 20) -> list[float]:
    """An IoU that climbs by the same step with every click, to 1 at most."""
    return [min(1.0, start + step * k) for k in range(clicks)]


def two_domains(**settings: Any) -> Run:
    """Two natural datasets at 0.9 and 0.8 after every click, and a medical one at 0.6."""
    return run(
        [
            record([0.9] * 20, image="a"),
            record([0.9] * 20, image="b"),
            record([0.8] * 20, dataset="davis345_subset", image="a"),
            record([0.6] * 20, dataset="brats2018", domain="medical", image="a"),
            record([0.6] * 20, dataset="brats2018", domain="medical", image="b"),
        ],
        **settings,
    )
