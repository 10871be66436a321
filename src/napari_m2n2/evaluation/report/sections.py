"""The parts that reports have in common."""

from __future__ import annotations

from collections.abc import Sequence

from napari_m2n2.evaluation.report.beside import published_table
from napari_m2n2.evaluation.report.charts import (
    dataset_chart,
    domain_chart,
    iou_chart,
    reached_chart,
)
from napari_m2n2.evaluation.report.document import (
    Block,
    Bullets,
    Gallery,
    Heading,
    Paragraph,
    Table,
    Terms,
)
from napari_m2n2.evaluation.report.numbers import count
from napari_m2n2.evaluation.report.pictures import LEGEND, draw_cases, extremes
from napari_m2n2.evaluation.report.published import benchmark_of, differences
from napari_m2n2.evaluation.report.systems import System, matters
from napari_m2n2.evaluation.report.tables import (
    effort_table,
    failure_table,
    last_at,
    quality_table,
    time_table,
)
from napari_m2n2.progress import Progress, ignore

_TERMS = (
    (
        "Click",
        "A simulated user clicks in the middle of the largest part that is wrong, on the object "
        "or beside it, and looks at the new result before the next click. Protocol ritm takes "
        "what is missing and what is too much apart, as most papers do; protocol m2n2 takes both "
        "together, as M2N2's released code does.",
    ),
    (
        "IoU",
        "Intersection over union: how much of result and truth together is in both. 0 is nothing, "
        "1 is the true outline; 0.90 looks right at a glance. IoU@10 is the IoU after 10 clicks.",
    ),
    (
        "Dice",
        "2 × what is in both, divided by the sum of both areas; always at least the IoU.",
    ),
    (
        "NoC@90",
        "Number of clicks until the IoU is 0.90 for the first time. Fewer is better. An object "
        "that never gets there counts with the largest number of clicks.",
    ),
    ("NoF@90", "Number of failures: objects that never reach an IoU of 0.90."),
    (
        "Area",
        "Area under the curve of IoU over clicks, divided by its width: one number for the whole "
        "curve.",
    ),
    (
        "Outline F and surface",
        "How much of the outline lies within a tolerance of the true one: the boundary F measure "
        "of DAVIS (0.8 % of the image's diagonal), and the normalised surface distance "
        "(2 pixels).",
    ),
    (
        "95 % interval",
        "Drawing the objects again and again, with replacement, gives this range of means. Where "
        "two intervals overlap widely, the difference may be chance.",
    ),
)


def terms() -> list[Block]:
    """Return what the words of a report mean."""
    return [Heading("What the words mean"), Terms(_TERMS)]


def results(systems: Sequence[System]) -> list[Block]:
    """Return curves, tables and distributions."""
    k = last_at(systems)
    blocks: list[Block | None] = [
        Heading(f"IoU after {count(k, 'click')}"),
        iou_chart(systems, k),
        quality_table(systems, "domain"),
        Heading("IoU from click to click"),
        domain_chart(systems),
        dataset_chart(systems),
        Heading("How many clicks it takes"),
        reached_chart(systems),
        effort_table(systems, "domain"),
        Heading("Every dataset in numbers"),
        quality_table(systems),
        effort_table(systems),
        time_table(systems),
    ]
    return [block for block in blocks if block is not None]


def published(systems: Sequence[System]) -> list[Block]:
    """Return the published rows of the datasets that the systems were measured on."""
    protocols = {system.settings.protocol for system in systems}
    blocks: list[Block] = [Heading("Next to published numbers")]
    known: dict[str, dict[str, None]] = {}
    for system in systems:
        for group in system.datasets:
            found = benchmark_of(group.name)
            if found is not None:
                said = known.setdefault(found.name, {})
                for protocol in sorted(protocols):
                    for text in differences(group.name, len(group.records), protocol):
                        said[text if text.startswith("Clicked") else f"{group.name}: {text}"] = (
                            None
                        )
    if not known:
        return [
            *blocks,
            Paragraph("None of these datasets is in the papers, so there is nothing beside them."),
        ]
    blocks.append(
        Paragraph(
            "The papers' numbers stand below for orientation. Most of these methods were trained "
            "on thousands of outlined objects; rows named training-free were not. What keeps a "
            "row from being like for like is said above each table."
        )
    )
    for name, said in known.items():
        table = published_table(systems, name)
        if table is not None:
            blocks += [Heading(name, 3), Bullets(tuple(said)), table]
    return blocks


def cases(systems: Sequence[System], most: int, *, progress: Progress = ignore) -> list[Block]:
    """Return pictures of the best and the worst objects of each domain of each system."""
    k = last_at(systems)
    blocks: list[Block] = [Heading("Best and worst cases")]
    if not most:
        return [*blocks, Paragraph("No pictures were asked for.")]
    drawn: list[Block] = []
    missing: dict[str, None] = {}
    for system in systems:
        for group in system.domains:
            name = f"{group.name}, {system.name}" if len(systems) > 1 else group.name
            for title, chosen in zip(
                ("best", "worst"), extremes(group.records, k, most), strict=True
            ):
                pictures, sentences = draw_cases(system, chosen, k, progress=progress)
                missing.update(dict.fromkeys(sentences))
                if pictures:
                    heading = Heading(f"{name[:1].upper()}{name[1:]}: {title}", 3)
                    drawn += [heading, Gallery(tuple(pictures))]
    if drawn:
        blocks.append(Paragraph(f"{LEGEND} At most one object of an image is shown."))
    if missing:
        blocks.append(Bullets(tuple(missing)))
    return [*blocks, *drawn]


def failures(systems: Sequence[System]) -> list[Block]:
    """Return what could not be evaluated."""
    table = failure_table(systems)
    heading = Heading("What could not be evaluated")
    return [heading, table or Paragraph("Everything could be evaluated.")]


def origin(systems: Sequence[System]) -> list[Block]:
    """Return how the numbers came about: settings, data, versions, machine."""
    rows: list[tuple[str, str, str]] = []
    for system in systems:
        used = system.settings
        settings = {
            name: value
            for name, value in vars(used).items()
            if value not in (None, {}) and matters(name, used)
        }
        rows.append((system.name, "settings", _listed(settings)))
        for title in ("details", "source", "versions", "machine"):
            for text in dict.fromkeys(_listed(getattr(run, title)) for run in system.runs):
                rows.append((system.name, title, text))
    return [
        Heading("How it was made"),
        Table(
            ("run", "what", "value"),
            tuple(rows),
            notes=(
                "Every number above is computed from the run files; the same files give the same "
                "report.",
            ),
            prose=frozenset({1, 2}),
        ),
    ]


def _listed(entries: object) -> str:
    """Return a mapping as readers take it in."""
    if not hasattr(entries, "items"):
        return str(entries)
    parts = []
    for name, value in entries.items():
        inner = f"({_listed(value)})" if hasattr(value, "items") else str(value)
        parts.append(f"{name} {inner}")
    return ", ".join(parts) or "not recorded"
