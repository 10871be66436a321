"""How much worse a method is on medical images than on natural ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

import numpy as np

from napari_m2n2.evaluation.report import sections
from napari_m2n2.evaluation.report.beside import medical_table
from napari_m2n2.evaluation.report.compare import PICTURES, save
from napari_m2n2.evaluation.report.document import (
    Block,
    Document,
    Heading,
    Headline,
    Paragraph,
    Table,
)
from napari_m2n2.evaluation.report.numbers import (
    MINUS,
    NONE,
    count,
    interval,
    number,
    signed,
)
from napari_m2n2.evaluation.report.systems import Group, System, make_systems
from napari_m2n2.evaluation.report.tables import (
    after,
    difference_tables,
    last_at,
    names_of,
)
from napari_m2n2.evaluation.runs import Run
from napari_m2n2.evaluation.statistics import Interval, bootstrap_interval
from napari_m2n2.evaluation.summary import AT
from napari_m2n2.progress import Progress, ignore

_CAUTION = (
    "The two kinds of images differ in more than the kind: in contrast, in size of the objects, "
    "in how sharp their outlines are, and in how they were drawn by hand. The gap says how much "
    "worse these datasets went, not why. Objects of one image or patient are alike, so that the "
    "truth may lie further off than the interval says."
)


def write_domain_bias(
    runs: Sequence[Run],
    html: Path | str | None = None,
    markdown: Path | str | None = None,
    *,
    names: Sequence[str] | None = None,
    pictures: int = PICTURES,
    progress: Progress = ignore,
) -> None:
    """Write the report of the gap between natural and medical images.

    Parameters
    ----------
    runs : sequence of Run
        Together they should have natural and medical images; where a kind is missing, the report
        says so and has the rest.
    html, markdown, names, pictures, progress
        As for `napari_m2n2.evaluation.report.compare.write_report`, and so are the errors.
    """
    systems = make_systems(runs, names)
    save(lambda: Document(_title(systems), _blocks(systems, pictures, progress)), html, markdown)


def gap(
    natural: Sequence[float],
    medical: Sequence[float],
    *,
    level: float = 0.95,
    rounds: int = 2000,
    seed: int = 0,
) -> Interval:
    """Return by how much the first mean is larger, and the bootstrap interval of that.

    Parameters
    ----------
    natural, medical : sequences of float
        One number for each object; both sets are drawn again, each for itself.
    level, rounds, seed
        As for `napari_m2n2.evaluation.statistics.bootstrap_interval`.

    Returns
    -------
    Interval
        Not a number if a set is empty.
    """
    sets = [np.asarray(values, np.float64) for values in (natural, medical)]
    if not all(values.size for values in sets):
        return bootstrap_interval([])
    rng = np.random.default_rng(seed)
    means = np.array(
        [
            [values[rng.integers(values.size, size=values.size)].mean() for values in sets]
            for _ in range(rounds)
        ]
    )
    low, high = np.quantile(means[:, 0] - means[:, 1], [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(sets[0].mean() - sets[1].mean()), float(low), float(high))


def gap_table(system: System) -> Table | None:
    """Return the gap after some numbers of clicks, None if a kind of image is missing."""
    natural, medical = system.domain("natural"), system.domain("medical")
    if natural is None or medical is None:
        return None
    wanted = last_at([system])
    at = [k for k in sorted({*AT, wanted}) if k <= system.settings.clicks]
    rows = tuple(
        (
            count(k, "click"),
            interval(after(natural.summary, k)),
            interval(after(medical.summary, k)),
            _ends(_gap(natural, medical, k)),
            signed(_balanced(system, "natural", k) - _balanced(system, "medical", k)),
        )
        for k in at
    )
    return Table(
        (
            "after",
            "IoU, natural images",
            "IoU, medical images",
            f"gap (natural {MINUS} medical)",
            "gap, every dataset counting the same",
        ),
        rows,
        f"{system.name}: {count(len(natural.records), 'object')} of "
        f"{count(_datasets(system, 'natural'), 'natural dataset')}, "
        f"{count(len(medical.records), 'object')} of "
        f"{count(_datasets(system, 'medical'), 'medical dataset')}.",
        ("In brackets: 95 % bootstrap intervals over objects.",),
        strong=frozenset({at.index(wanted)}),
    )


def _title(systems: Sequence[System]) -> str:
    """Return the title of the report."""
    if len(systems) == 1:
        return f"Domain bias of {systems[0].name}"
    return f"Domain bias of {count(len(systems), 'run')}"


def _blocks(systems: Sequence[System], pictures: int, progress: Progress) -> tuple[Block, ...]:
    """Return the whole report."""
    gaps = [table for system in systems if (table := gap_table(system)) is not None]
    differences = difference_tables(systems)
    compared: list[Block] = []
    if differences:
        compared = [Heading("Differences between the runs"), *differences]
    return (
        *(_headline(system) for system in systems),
        Heading("The gap"),
        *gaps,
        Paragraph(_CAUTION),
        medical_table(systems),
        *sections.results(systems),
        *compared,
        *sections.published(systems),
        *sections.cases(systems, pictures, progress=progress),
        *sections.failures(systems),
        *sections.terms(),
        *sections.origin(systems),
    )


def _headline(system: System) -> Headline:
    """Say how large the gap is."""
    natural, medical = system.domain("natural"), system.domain("medical")
    if natural is None or medical is None:
        missing = " nor ".join(
            name for name, group in (("natural", natural), ("medical", medical)) if group is None
        )
        return Headline(
            f"{system.name}: there is no gap to tell, since no {missing} images were evaluated.",
            "Evaluate such a dataset too (grabcut is natural, brats and oai-zib are medical) and "
            "give its run file beside these.",
        )
    k = last_at([system])
    found = _gap(natural, medical, k)
    levels = [after(group.summary, k) for group in (natural, medical)]
    first, second = (number(None if level is None else level["mean"]) for level in levels)
    sure = "" if found.low > 0 or found.high < 0 else ", so that it may be chance"
    return Headline(
        f"{system.name}: after {count(k, 'click')} the mean IoU is {first} on natural images and "
        f"{second} on medical ones, a gap of {number(found.mean)} "
        f"(95 % interval {number(found.low)} to {number(found.high)}{sure}).",
        f"Natural: {_named(system, natural)}. Medical: {_named(system, medical)}. If every "
        "dataset counted the same, the gap would be "
        f"{number(_balanced(system, 'natural', k) - _balanced(system, 'medical', k))}.",
    )


def _gap(natural: Group, medical: Group, k: int) -> Interval:
    """Return the gap after k clicks."""
    return gap(
        [record.iou[k - 1] for record in natural.records],
        [record.iou[k - 1] for record in medical.records],
    )


def _balanced(system: System, domain: str, k: int) -> float:
    """Return the mean over datasets instead of objects."""
    return fmean(
        fmean(record.iou[k - 1] for record in group.records)
        for group in system.datasets
        if group.domain == domain
    )


def _datasets(system: System, domain: str) -> int:
    """Return how many datasets of a domain there are."""
    return sum(group.domain == domain for group in system.datasets)


def _named(system: System, group: Group) -> str:
    """Return the objects and datasets of a domain."""
    names = names_of([one for one in system.datasets if one.domain == group.domain])
    return f"{count(len(group.records), 'object')} of {names}"


def _ends(found: Interval) -> str:
    """Return a gap with its interval."""
    if found.mean != found.mean:
        return NONE
    return f"{signed(found.mean)} ({signed(found.low)} to {signed(found.high)})"
