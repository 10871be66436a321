"""What is drawn of systems: their curves, their means, and how soon objects were done."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from napari_m2n2.evaluation.metrics import clicks_to, never_reached
from napari_m2n2.evaluation.report.document import Chart
from napari_m2n2.evaluation.report.figures import (
    DOMAIN_COLOURS,
    Line,
    Mark,
    Panel,
    Row,
    curves,
    marks,
    to_svg,
)
from napari_m2n2.evaluation.report.numbers import count, number
from napari_m2n2.evaluation.report.published import benchmark_of, rows_of
from napari_m2n2.evaluation.report.systems import DOMAINS, Group, System
from napari_m2n2.evaluation.report.tables import after
from napari_m2n2.evaluation.runs import Record
from napari_m2n2.evaluation.summary import TARGETS

_PUBLISHED_COLOUR = 6
_BAND = "The band is the 95 % bootstrap interval of the mean over objects."


def domain_panels(systems: Sequence[System]) -> list[Panel]:
    """Return mean IoU over clicks: of one system all domains in a panel, else one panel each."""
    if len(systems) == 1:
        lines = [_line(group, group.name, _colour(group)) for group in systems[0].domains]
        return [Panel("", tuple(lines))] if lines else []
    return _panels(systems, "domains")


def dataset_panels(systems: Sequence[System]) -> list[Panel]:
    """Return mean IoU over clicks, a panel for each dataset."""
    if len(systems) == 1:
        return [
            Panel(
                f"{group.name} ({len(group.records)})",
                (_line(group, DOMAINS.get(group.domain, group.domain), _colour(group)),),
            )
            for group in systems[0].datasets
        ]
    return _panels(systems, "datasets")


def reached_panels(systems: Sequence[System]) -> list[Panel]:
    """Return the share of objects that are done: the distribution of NoC, summed up.

    Of one system by domain, a panel for each IoU; of several a panel for each domain, at 0.90.
    """
    if len(systems) == 1:
        return [
            Panel(
                f"IoU {target / 100:.2f}",
                tuple(
                    Line(
                        group.name,
                        reached(group.records, target / 100),
                        colour=_colour(group),
                    )
                    for group in systems[0].domains
                ),
            )
            for target in TARGETS
            if systems[0].domains
        ]
    return [
        Panel(
            f"{DOMAINS.get(domain, domain)}, IoU 0.90",
            tuple(
                Line(system.name, reached(group.records, 0.90), colour=place)
                for place, system in enumerate(systems)
                if (group := system.domain(domain)) is not None
            ),
        )
        for domain in _domains(systems)
    ]


def reached(records: Sequence[Record], target: float) -> tuple[float, ...]:
    """Return the share of objects that had reached an IoU after 1, 2, ... clicks."""
    most = max((len(record.iou) for record in records), default=0)
    needed = np.array(
        [
            math.inf if never_reached(record.iou, target) else clicks_to(record.iou, target)
            for record in records
        ]
    )
    return tuple(float((needed <= k).mean()) for k in range(1, most + 1))


def mark_rows(systems: Sequence[System], k: int) -> list[Row]:
    """Return IoU after k clicks of each dataset and domain, and published rows after 10."""
    rows: list[Row] = []
    for domain in _domains(systems):
        groups = [group for system in systems if (group := system.domain(domain)) is not None]
        names = dict.fromkeys(
            group.name for system in systems for group in system.datasets if group.domain == domain
        )
        rows.append(Row(groups[0].name))
        for name in names:
            found = [
                (system, next((g for g in system.datasets if g.name == name), None))
                for system in systems
            ]
            rows.append(Row(name, _marks(systems, found, k)))
        every = [(system, system.domain(domain)) for system in systems]
        rows.append(Row(f"all {groups[0].name}", _marks(systems, every, k)))
    return rows + (_published(systems) if k == 10 else [])


def iou_chart(systems: Sequence[System], k: int) -> Chart | None:
    """Return the drawing of IoU after k clicks."""
    rows = mark_rows(systems, k)
    if not rows:
        return None
    alt = "; ".join(
        f"{row.title}: {', '.join(number(mark.value, 2) for mark in row.marks)}"
        for row in rows
        if row.marks
    )
    caption = (
        f"Mean IoU after {count(k, 'click')}; 1 would be the true outline itself. The bar is the "
        "95 % bootstrap interval of the mean over objects."
    )
    if any(mark.published for row in rows for mark in row.marks):
        caption += (
            " Open diamonds are published numbers, of other slices and protocols; see the tables."
        )
    label = f"IoU after {count(k, 'click')}"
    return Chart(lambda: to_svg(marks(rows, label=label)), f"{label}. {alt}.", caption)


def domain_chart(systems: Sequence[System]) -> Chart | None:
    """Return the drawing of IoU over clicks by domain."""
    caption = f"Mean IoU after each click, every object counting the same. {_BAND}"
    return _chart(domain_panels(systems), "mean IoU", caption, columns=3)


def dataset_chart(systems: Sequence[System]) -> Chart | None:
    """Return the drawing of IoU over clicks by dataset."""
    brackets = "; in brackets the number of objects" if len(systems) == 1 else ""
    caption = f"Mean IoU after each click{brackets}. {_BAND}"
    return _chart(dataset_panels(systems), "mean IoU", caption, columns=4)


def reached_chart(systems: Sequence[System]) -> Chart | None:
    """Return the drawing of the distribution of NoC."""
    caption = (
        "The distribution of NoC: the share of objects that had reached the IoU after so many "
        "clicks. Where a curve ends below 1, the rest never reached it."
    )
    columns = 4 if len(systems) == 1 else 3
    return _chart(reached_panels(systems), "share of objects", caption, columns=columns)


def _chart(panels: Sequence[Panel], label: str, caption: str, *, columns: int) -> Chart | None:
    """Return a drawing of curves, None if there is no curve."""
    if not any(panel.lines for panel in panels):
        return None
    said = [
        f"{panel.title or label}, {line.label}: {number(line.values[0], 2)} after the first click "
        f"and {number(line.values[-1], 2)} after the last of {len(line.values)}"
        for panel in panels
        for line in panel.lines
    ]
    return Chart(
        lambda: to_svg(curves(panels, label=label, columns=columns)),
        f"Curves over clicks. {'; '.join(said)}.",
        caption,
    )


def _panels(systems: Sequence[System], which: str) -> list[Panel]:
    """Return a panel for each group of a name, with a line for each system."""
    found: dict[str, list[Line]] = {}
    for place, system in enumerate(systems):
        for group in getattr(system, which):
            line = _line(group, system.name, place)
            found.setdefault(group.name, []).append(line)
    return [Panel(name, tuple(lines)) for name, lines in found.items()]


def _line(group: Group, label: str, colour: int) -> Line:
    """Return the IoU curve of a group."""
    curve: dict[str, Any] = group.summary["curves"]["iou"]
    return Line(label, tuple(curve["mean"]), tuple(curve["low"]), tuple(curve["high"]), colour)


def _marks(
    systems: Sequence[System], found: Sequence[tuple[System, Group | None]], k: int
) -> tuple[Mark, ...]:
    """Return the marks of one line of a drawing."""
    shown = []
    for place, (system, group) in enumerate(found):
        value = None if group is None else after(group.summary, k)
        if group is None or value is None:
            continue
        alone = len(systems) == 1
        shown.append(
            Mark(
                group.domain if alone else system.name,
                value["mean"],
                value["low"],
                value["high"],
                _colour(group) if alone else place,
            )
        )
    return tuple(shown)


def _published(systems: Sequence[System]) -> list[Row]:
    """Return the published IoU after 10 clicks on datasets that the systems were measured on."""
    known = dict.fromkeys(
        found.name
        for system in systems
        for group in system.datasets
        if (found := benchmark_of(group.name)) is not None
    )
    rows = []
    for name in known:
        for row in rows_of(name):
            if "IoU@10" in row.values:
                value = float(row.values["IoU@10"]) / 100
                mark = Mark("published", value, math.nan, math.nan, _PUBLISHED_COLOUR, True)
                rows.append(Row(f"{name}: {row.method} ({row.source})", (mark,)))
    return [Row("published"), *rows] if rows else []


def _colour(group: Group) -> int:
    """Return the colour of a group's domain."""
    return DOMAIN_COLOURS.get(group.domain, 4)


def _domains(systems: Sequence[System]) -> list[str]:
    """Return the domains that any system has, in the order they are shown."""
    found = dict.fromkeys(group.domain for system in systems for group in system.domains)
    return sorted(found, key=lambda name: [*DOMAINS, *found].index(name))
