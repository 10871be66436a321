"""The tables of a report, each number from the summary of its objects."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from napari_m2n2.evaluation.metrics import area_under, clicks_to
from napari_m2n2.evaluation.report.document import Table
from napari_m2n2.evaluation.report.numbers import (
    MINUS,
    NONE,
    count,
    interval,
    mean,
    seconds,
    share,
    signed,
)
from napari_m2n2.evaluation.report.systems import Group, Key, System, key
from napari_m2n2.evaluation.runs import Record
from napari_m2n2.evaluation.statistics import paired_difference
from napari_m2n2.evaluation.summary import AT, CAP, TARGETS

Cell = Callable[[dict[str, Any]], str]
"""From a summary to the text of a cell."""

LARGEST = 200
"""Most rows of a list of what failed; more are of no use to anybody."""


def last_at(systems: Sequence[System], wanted: int = 10) -> int:
    """Return after how many clicks scores are compared: `wanted`, or fewer if there are fewer."""
    clicks = [len(record.iou) for system in systems for record in system.records]
    return min([wanted, *clicks])


def quality_table(systems: Sequence[System], by: str = "dataset") -> Table:
    """Return how good the masks are after some clicks, for each dataset or domain."""
    k = last_at(systems)
    most = max((system.settings.clicks for system in systems), default=0)
    columns: dict[str, Cell] = {
        **{
            f"IoU@{one}": _at("iou", one, ends=one == k) for one in sorted({*AT, k}) if one <= most
        },
        "area": lambda found: mean(found["area"]),
        f"Dice@{k}": _at("dice", k),
        f"outline F@{k}": _at("boundary_f", k),
        f"surface@{k}": _at("surface", k),
    }
    note = (
        "In brackets: 95 % bootstrap interval of the mean over objects. Objects of one image are "
        "alike, so that the truth may lie further off than the interval says."
    )
    return _table(systems, by, columns, "Quality: means over objects, from 0 to 1.", (note,))


def effort_table(systems: Sequence[System], by: str = "dataset") -> Table:
    """Return how many clicks an IoU takes, and how often it is not reached."""
    clicks = sorted({s.settings.clicks for s in systems})
    most = " or ".join(map(str, clicks))
    columns: dict[str, Cell] = {
        **{f"NoC@{t}": _of("noc", str(t), ends=t == 90) for t in TARGETS},
        **{f"NoF@{t}": _failed(str(t)) for t in TARGETS},
    }
    if max(clicks, default=0) > CAP:
        columns |= {f"NoC@{t}, of {CAP}": _of(f"noc_{CAP}", str(t), ends=False) for t in TARGETS}
    caption = f"Effort: clicks to an IoU of 0.80 to 0.95, {most} where it is never reached."
    note = (
        "NoF: objects that never reach the IoU; behind the stroke, as RITM's code counts, also "
        "those that reach it only with the last click."
    )
    return _table(systems, by, columns, caption, (note,))


def time_table(systems: Sequence[System], by: str = "dataset") -> Table:
    """Return seconds, and clicks that made things worse."""
    columns: dict[str, Cell] = {
        "harmful clicks": lambda found: share(found["harmful"]["share"]),
        "image, s": lambda found: seconds(found["seconds"]["prepare"]),
        "click, s": lambda found: seconds(found["seconds"]["click"]),
        "95th percentile, s": lambda found: seconds(found["seconds"]["click_p95"]),
        "re-score, s": lambda found: seconds(found["seconds"]["rescore"]),
    }
    note = (
        "Harmful: share of the clicks after the first that lowered the IoU by more than 0.05. "
        "Seconds are medians on the machine of the run, while other objects were computed beside; "
        "re-score is a change of prompts whose maps are known."
    )
    return _table(systems, by, columns, "Time, and clicks that made things worse.", (note,))


def difference_tables(systems: Sequence[System]) -> tuple[Table, ...]:
    """Return how every other system differs from the first one, over the objects they share."""
    k = last_at(systems)
    measures: dict[str, tuple[Callable[[Record], float], int]] = {
        f"IoU@{k}": (lambda record: record.iou[k - 1], 3),
        "area": (lambda record: area_under(record.iou), 3),
        "NoC@85": (lambda record: clicks_to(record.iou, 0.85), 2),
        "NoC@90": (lambda record: clicks_to(record.iou, 0.90), 2),
    }
    return tuple(_difference(systems[0], other, measures) for other in systems[1:])


def _difference(
    first: System,
    other: System,
    measures: Mapping[str, tuple[Callable[[Record], float], int]],
) -> Table:
    """Return by how much one system differs, for each dataset, each domain and in all."""
    rows = []
    for name, members in [
        *((group.name, group.records) for group in (*other.datasets, *other.domains)),
        ("all objects", other.records),
    ]:
        cells, pairs = _differences(first.records, members, measures)
        if pairs:
            rows.append((name, str(pairs), *cells))
    note = (
        "Each object is compared with itself; in brackets the 95 % bootstrap interval of the mean "
        "difference. An interval without 0 is hardly chance. More IoU and area is better, fewer "
        "clicks (NoC) is better."
    )
    if first.settings.clicks != other.settings.clicks:
        note += " The runs made different numbers of clicks: compare neither area nor NoC."
    return Table(
        ("objects of", "pairs", *measures),
        tuple(rows),
        f"{other.name} {MINUS} {first.name}, over the objects they share.",
        (note if rows else "The two have no object in common.",),
        strong=frozenset({len(rows) - 1}) if rows else frozenset(),
    )


def failure_table(systems: Sequence[System]) -> Table | None:
    """Return what could not be evaluated, and why."""
    found = [(system, failure) for system in systems for failure in system.failures]
    if not found:
        return None
    several = len(systems) > 1
    rows = tuple(
        (
            *((system.name,) if several else ()),
            failure.dataset,
            failure.image,
            failure.object or "the whole image",
            failure.sentence,
        )
        for system, failure in found[:LARGEST]
    )
    head = (*(("run",) if several else ()), "dataset", "image", "object", "why")
    more = len(found) - len(rows)
    return Table(
        head,
        rows,
        f"{count(len(found), 'entry', 'entries')}; none of them counts in any number above.",
        (f"{more} more are in the run files.",) if more else (),
        frozenset(range(len(head))),
    )


def _table(
    systems: Sequence[System],
    by: str,
    columns: Mapping[str, Cell],
    caption: str,
    notes: tuple[str, ...],
) -> Table:
    """Return one row for each group of each system, groups of the same name together."""
    pairs = [
        (system, group)
        for system in systems
        for group in (system.datasets if by == "dataset" else system.domains)
    ]
    order = list(dict.fromkeys(group.name for _, group in pairs))
    pairs.sort(key=lambda pair: order.index(pair[1].name))
    several = len(systems) > 1
    rows = tuple(
        (
            group.name,
            *((system.name,) if several else ()),
            str(group.summary["objects"]),
            *(cell(group.summary) for cell in columns.values()),
        )
        for system, group in pairs
    )
    head = (by, *(("run",) if several else ()), "objects", *columns)
    return Table(head, rows, caption, notes, frozenset({1}) if several else frozenset())


def after(summary: Mapping[str, Any], k: int, score: str = "iou") -> dict[str, float] | None:
    """Return the interval of a score after k clicks, None if there were not as many."""
    curve = summary["curves"][score]
    if not 1 <= k <= len(curve["mean"]) or curve["mean"][k - 1] is None:
        return None
    return {end: curve[end][k - 1] for end in ("mean", "low", "high")}


def _at(score: str, k: int, *, ends: bool = False) -> Cell:
    """Return the cell of a score after k clicks, with the ends of its interval or without."""
    return lambda found: (interval if ends else mean)(after(found, k, score))


def _of(metric: str, target: str, *, ends: bool) -> Cell:
    """Return the cell of a number of clicks."""
    return lambda found: (interval if ends else mean)(found.get(metric, {}).get(target), 2)


def _failed(target: str) -> Cell:
    """Return the cell of the failures, in both ways of counting."""
    return lambda found: f"{found['nof'][target]['never']} / {found['nof'][target]['at_cap']}"


def _differences(
    first: Sequence[Record],
    other: Sequence[Record],
    measures: Mapping[str, tuple[Callable[[Record], float], int]],
) -> tuple[list[str], int]:
    """Return other - first for each measure, and over how many objects."""
    shared: set[Key] = {key(one) for one in first} & {key(one) for one in other}
    cells = []
    for measure, digits in measures.values():
        a, b = (
            {key(one): measure(one) for one in records if key(one) in shared}
            for records in (other, first)
        )
        if not any(math.isfinite(a[one] - b[one]) for one in shared):
            cells.append(NONE)  # no pair to draw from
            continue
        found = paired_difference(a, b)
        low, high = signed(found.low, digits), signed(found.high, digits)
        cells.append(f"{signed(found.mean, digits)} ({low} to {high})")
    return cells, len(shared)


def names_of(groups: Sequence[Group]) -> str:
    """Return the names of groups as a sentence lists them."""
    names = [group.name for group in groups]
    return ", ".join(names[:-1]) + " and " + names[-1] if len(names) > 1 else "".join(names)
