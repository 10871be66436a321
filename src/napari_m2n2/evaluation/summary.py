"""What a run says of one dataset: every metric, each mean with its bootstrap interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.errors import InputError
from napari_m2n2.evaluation.metrics import area_under, clicks_to, harmful, never_reached
from napari_m2n2.evaluation.runs import Record
from napari_m2n2.evaluation.statistics import Interval, bootstrap_intervals

SCORES = ("iou", "dice", "boundary_f", "surface")
"""The scores that a record has after each click."""

AT = (1, 3, 5, 10, 20)
"""Numbers of clicks after which the scores are named one by one."""

TARGETS = (80, 85, 90, 95)
"""IoU in percent up to which clicks are counted."""

CAP = 20
"""Most clicks of the published NoC."""


def summarise(records: Sequence[Record]) -> dict[str, Any]:
    """Return the metrics of the objects of one dataset.

    Parameters
    ----------
    records : sequence of Record
        Of one run, so that all have the same number of scores.

    Returns
    -------
    dict
        Of types that JSON has; an interval is ``{"mean", "low", "high"}``, of 95 % over objects,
        and None stands where nothing was measured.

        - "objects", "images", "clicks": how many there are, and clicks on an object at most
        - "iou", "dice", "boundary_f", "surface": intervals after k clicks, {"1": ..., "3": ...}
        - "curves": of the same four, the lists "mean", "low" and "high" over clicks
        - "area": interval of the area under the IoU curve, in [0, 1]
        - "noc": intervals of the number of clicks to an IoU of {"80": ...} per cent, "clicks" for
          an object that never has it
        - "nof": objects that fail, as "never" (CDNet) and "at_cap" (RITM's code: all that need
          the last click or fail)
        - "noc_20", "nof_20": the same if 20 clicks had been the most; only of runs with more
        - "harmful": "count" of clicks that lower the IoU by more than 0.05, "of" so many after
          the first of each object, and their "share"
        - "seconds": medians "prepare" (an image), "click" and "rescore", and the 95th percentile
          "click_p95"

    Raises
    ------
    InputError
        If the records differ in their number of scores.
    """
    counts = sorted({len(getattr(record, name)) for record in records for name in SCORES})
    if len(counts) > 1:
        raise InputError(
            f"The objects have scores after {' and '.join(map(str, counts))} clicks; "
            "evaluate them again with one number of clicks."
        )
    clicks = counts[0] if counts else 0
    caps = [clicks, CAP] if clicks > CAP else [clicks]
    found: dict[str, Any] = {
        "objects": len(records),
        "images": len({(record.dataset, record.image) for record in records}),
        "clicks": clicks,
        **_intervals(records, clicks, caps),
        "harmful": _harm(records),
        "seconds": _seconds(records),
    }
    for cap in caps:
        found[_name("nof", cap, clicks)] = {
            str(target): _failures([record.iou[:cap] for record in records], target / 100)
            for target in TARGETS
        }
    return found


def _intervals(records: Sequence[Record], clicks: int, caps: Sequence[int]) -> dict[str, Any]:
    """Return all that has an interval."""
    columns = {name: [getattr(record, name) for record in records] for name in SCORES}
    columns["area"] = [[area_under(record.iou)] for record in records]
    counted = {_name("noc", cap, clicks): cap for cap in caps}
    for name, cap in counted.items():
        columns[name] = [[clicks_to(r.iou[:cap], t / 100) for t in TARGETS] for r in records]
    widths = dict.fromkeys(SCORES, clicks) | {"area": 1} | dict.fromkeys(counted, len(TARGETS))
    parts = [np.reshape(columns[name], (len(records), width)) for name, width in widths.items()]
    # at once, so that the same objects are drawn for all of it
    drawn = iter(bootstrap_intervals(np.concatenate(parts, axis=1)))
    found = {name: [next(drawn) for _ in range(width)] for name, width in widths.items()}
    return {
        **{
            name: {str(k): _plain(found[name][k - 1]) for k in AT if k <= clicks}
            for name in SCORES
        },
        "curves": {name: _curve(found[name]) for name in SCORES},
        "area": _plain(found["area"][0]),
        **{
            name: {
                str(target): _plain(one) for target, one in zip(TARGETS, found[name], strict=True)
            }
            for name in counted
        },
    }


def _name(metric: str, cap: int, clicks: int) -> str:
    """Return the key of a metric that has a most number of clicks."""
    return metric if cap == clicks else f"{metric}_{cap}"


def _failures(scores: Sequence[Sequence[float]], target: float) -> dict[str, int]:
    """Count the objects that do not reach a target, in both ways of the literature."""
    return {
        "never": sum(never_reached(one, target) for one in scores),
        "at_cap": sum(clicks_to(one, target) == len(one) for one in scores),
    }


def _harm(records: Sequence[Record]) -> dict[str, Any]:
    """Count harmful clicks."""
    count = sum(harmful(record.iou) for record in records)
    of = sum(max(len(record.clicks) - 1, 0) for record in records)
    return {"count": count, "of": of, "share": count / of if of else None}


def _seconds(records: Sequence[Record]) -> dict[str, float | None]:
    """Return how long things took."""
    # all objects of an image share its preparation
    prepare = {(record.dataset, record.image): record.seconds["prepare"] for record in records}
    clicks = [second for record in records for second in record.seconds["clicks"]]
    return {
        "prepare": _quantile(list(prepare.values()), 0.5),
        "click": _quantile(clicks, 0.5),
        "click_p95": _quantile(clicks, 0.95),
        "rescore": _quantile([record.seconds["rescore"] for record in records], 0.5),
    }


def _quantile(values: Sequence[float], share: float) -> float | None:
    """Return a quantile of the finite values, or None without any."""
    known: NDArray[np.float64] = np.asarray(values, np.float64)
    known = known[np.isfinite(known)]
    return float(np.quantile(known, share)) if known.size else None


def _curve(intervals: Sequence[Interval]) -> dict[str, list[float | None]]:
    """Return intervals as lists over clicks."""
    plain = [_plain(interval) for interval in intervals]
    return {key: [one[key] for one in plain] for key in ("mean", "low", "high")}


def _plain(interval: Interval) -> dict[str, float | None]:
    """Return an interval as JSON has it."""
    return {key: value if math.isfinite(value) else None for key, value in vars(interval).items()}
