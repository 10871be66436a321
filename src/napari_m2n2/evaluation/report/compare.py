"""The report of any runs: what each reached, and by how much they differ."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from napari_m2n2.evaluation.report import sections
from napari_m2n2.evaluation.report.document import Block, Document, Heading, Headline
from napari_m2n2.evaluation.report.html import page
from napari_m2n2.evaluation.report.markdown import markdown as as_markdown
from napari_m2n2.evaluation.report.numbers import count, number
from napari_m2n2.evaluation.report.systems import System, key, make_systems
from napari_m2n2.evaluation.report.tables import difference_tables, last_at, names_of
from napari_m2n2.evaluation.runs import Run
from napari_m2n2.evaluation.statistics import bootstrap_interval, paired_difference
from napari_m2n2.files import check_writable, replacing
from napari_m2n2.progress import Progress, ignore

PICTURES = 3
"""Best, and as many worst, cases of each domain that are drawn without being asked."""


def write_report(
    runs: Sequence[Run],
    html: Path | str | None = None,
    markdown: Path | str | None = None,
    *,
    names: Sequence[str] | None = None,
    pictures: int = PICTURES,
    progress: Progress = ignore,
) -> None:
    """Write a report of runs.

    Parameters
    ----------
    runs : sequence of Run
        Runs of the same settings on different datasets are put together; the first one is what
        the others are compared with.
    html : path, optional
        One file that needs nothing else.
    markdown : path, optional
        The same without drawings and pictures.
    names : sequence of str, optional
        A name for each run; without it they are named by the settings that tell them apart.
    pictures : int
        Best and worst cases to draw of each domain; each takes about as long as its clicks took.
        The report then holds parts of the images, with their licences.
    progress : callable, optional
        Called as ``progress("pictures", fraction)``; may raise `Cancelled`.

    Raises
    ------
    InputError
        If there is no run.
    FileError
        If a file cannot be written; it is left as it was.
    MissingError
        If matplotlib is missing, for HTML or pictures.
    """
    systems = make_systems(runs, names)
    save(
        lambda: Document(_title(systems), tuple(_blocks(systems, pictures, progress))),
        html,
        markdown,
    )


def save(
    make: Callable[[], Document], html: Path | str | None, markdown: Path | str | None
) -> None:
    """Write a document to one or two files, after a look at whether they can be written."""
    for path in (html, markdown):
        if path is not None:
            check_writable(path)
    document = make()
    for path, text in ((html, page), (markdown, as_markdown)):
        if path is not None:
            with replacing(path) as temporary:
                temporary.write_text(text(document), encoding="utf-8")


def _title(systems: Sequence[System]) -> str:
    """Return the title of a report."""
    if len(systems) == 1:
        return f"Evaluation of {systems[0].name}"
    return f"Comparison of {count(len(systems), 'run')}"


def _blocks(systems: Sequence[System], pictures: int, progress: Progress) -> list[Block]:
    """Return the whole report."""
    differences = difference_tables(systems)
    compared: list[Block] = []
    if differences:
        compared = [Heading("Differences between the runs"), *differences]
    return [
        *(_headline(system, last_at(systems)) for system in systems[:1]),
        *(_against(systems[0], other, last_at(systems)) for other in systems[1:]),
        *compared,
        *sections.results(systems),
        *sections.published(systems),
        *sections.cases(systems, pictures, progress=progress),
        *sections.failures(systems),
        *sections.terms(),
        *sections.origin(systems),
    ]


def _headline(system: System, k: int) -> Headline:
    """Say what one system reached."""
    if not system.records:
        return Headline(f"{system.name}: no object could be evaluated.")
    found = bootstrap_interval([record.iou[k - 1] for record in system.records])
    return Headline(
        f"{system.name}: mean IoU {number(found.mean)} after {count(k, 'click')} "
        f"(95 % interval {number(found.low)} to {number(found.high)}).",
        f"{count(len(system.records), 'object')} of {names_of(system.datasets)}, every object "
        "counting the same.",
    )


def _against(first: System, other: System, k: int) -> Headline:
    """Say by how much a system differs from the first one."""
    a, b = (
        {key(record): record.iou[k - 1] for record in system.records} for system in (other, first)
    )
    if not a.keys() & b.keys():
        return Headline(
            f"{other.name} and {first.name} have no object in common; they cannot be compared."
        )
    found = paired_difference(a, b)
    if found.mean >= 0:
        word, low, high = "more", found.low, found.high
    else:  # the interval is of the number that is told
        word, low, high = "less", -found.high, -found.low
    sure = f"95 % interval {number(low)} to {number(high)}"
    if low <= 0:
        sure += ": it may be chance"
    return Headline(
        f"{other.name}: {number(abs(found.mean))} {word} IoU than {first.name} after "
        f"{count(k, 'click')} ({sure}).",
        f"Over the {count(found.n, 'object')} that both have.",
    )
