"""The published rows below what was reached here."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from napari_m2n2.evaluation.report.document import Table
from napari_m2n2.evaluation.report.numbers import NONE, count, mean, number
from napari_m2n2.evaluation.report.published import METRICS, PAPERS, benchmark_of, rows_of
from napari_m2n2.evaluation.report.systems import System
from napari_m2n2.evaluation.report.tables import after, names_of
from napari_m2n2.evaluation.summary import CAP


def published_table(systems: Sequence[System], benchmark: str) -> Table | None:
    """Return the published rows of a dataset below what was reached on it, or on its relatives."""
    ours = [
        (system, group)
        for system in systems
        for group in system.datasets
        if (found := benchmark_of(group.name)) is not None and found.name == benchmark
    ]
    if not ours:
        return None
    published = rows_of(benchmark)
    metrics = [name for name in METRICS if any(name in row.values for row in published)]
    rows = [
        (
            f"here: {system.name}",
            group.name,
            count(len(group.records), "object"),
            *(_as_published(group.summary, name) for name in metrics),
            "this run",
        )
        for system, group in ours
    ]
    rows += [
        (row.method, row.kind, row.remark, *(row.values.get(n, NONE) for n in metrics), row.source)
        for row in published
    ]
    sources = dict.fromkeys(name for row in published for name in row.source.split(", "))
    return Table(
        ("method", "trained, or dataset", "remark", *metrics, "source"),
        tuple(rows),
        f"{benchmark}: NoC in clicks, IoU in per cent.",
        tuple(f"{name}: {PAPERS[name]}." for name in sources),
        frozenset({1, 2, 3 + len(metrics)}),
        frozenset(range(len(ours))),
    )


def medical_table(systems: Sequence[System]) -> Table:
    """Return the published IoU after 10 clicks on medical images, below what was reached here."""
    names = ("BraTS", "OAI-ZIB")
    published = [row for name in names for row in rows_of(name) if "IoU@10" in row.values]
    methods = dict.fromkeys((row.method, row.kind, row.source) for row in published)
    rows = [
        (f"here: {system.name}", "", *(_pooled(system, name) for name in names), "this run")
        for system in systems
    ]
    for method, kind, source in methods:
        values = [
            next(
                (
                    row.values["IoU@10"]
                    for row in published
                    if (row.dataset, row.method, row.source) == (name, method, source)
                ),
                NONE,
            )
            for name in names
        ]
        rows.append((method, kind, *values, source))
    return Table(
        ("method", "trained", *names, "source"),
        tuple(rows),
        "Published IoU after 10 clicks on medical images, in per cent.",
        (
            "The papers clicked SimpleClick's choice of 369 slices of BraTS and 150 of OAI-ZIB. "
            "They differ on SimpleClick itself: in M2N2 all labels of a slice of OAI-ZIB are one "
            "object, in MIS each label is clicked for itself; and M2N2 clicked its own rows by "
            "its own protocol. None of these rows says what was reached on natural images after "
            "10 clicks, so that the papers' own gap is not known.",
            *(f"{name}: {PAPERS[name]}." for name in dict.fromkeys(one[2] for one in methods)),
        ),
        frozenset({1, 4}),
        frozenset(range(len(systems))),
    )


def _as_published(summary: Mapping[str, Any], metric: str) -> str:
    """Return a metric in the unit of the papers: NoC of 20 clicks, IoU in per cent."""
    kind, _, at = metric.partition("@")
    if kind == "IoU":
        found = after(summary, int(at))
        return NONE if found is None else number(100 * found["mean"], 2)
    if summary["clicks"] < CAP:
        return NONE
    return mean(summary.get(f"noc_{CAP}", summary["noc"]).get(metric.removeprefix("NoC")), 2)


def _pooled(system: System, benchmark: str) -> str:
    """Return IoU after 10 clicks over all datasets that belong to a published one, and which."""
    groups = [
        group
        for group in system.datasets
        if (found := benchmark_of(group.name)) is not None and found.name == benchmark
    ]
    scores = [record.iou[9] for group in groups for record in group.records if len(record.iou) > 9]
    if not scores:
        return "not measured"
    objects = count(len(scores), "object")
    return f"{number(100 * math.fsum(scores) / len(scores), 2)} ({objects} of {names_of(groups)})"
