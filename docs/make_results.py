"""Measure the texture backbone on a folder of images; write tables and curves of results.md.

    tox run -e results

The environment variable NAPARI_M2N2_DATA names the folder; it holds an `index.csv`
(docs/datasets.md says how one looks). What is done is kept in a folder that git ignores, and an
interrupted run goes on from there. With --runs, tables and curves are made from run files that are
there, and nothing is computed. Only curves are drawn: pictures of the images have the licences of
the images.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from napari_m2n2.cli.console import ConsoleProgress
from napari_m2n2.errors import FileError, UserError
from napari_m2n2.evaluation.datasets import open_dataset
from napari_m2n2.evaluation.report.beside import medical_table
from napari_m2n2.evaluation.report.charts import (
    dataset_panels,
    domain_panels,
    mark_rows,
    reached_panels,
)
from napari_m2n2.evaluation.report.document import Table
from napari_m2n2.evaluation.report.domain_bias import gap_table
from napari_m2n2.evaluation.report.figures import curves, marks, to_png
from napari_m2n2.evaluation.report.markdown import escape, table
from napari_m2n2.evaluation.report.numbers import count
from napari_m2n2.evaluation.report.systems import System, make_systems
from napari_m2n2.evaluation.report.tables import (
    difference_tables,
    effort_table,
    failure_table,
    last_at,
    quality_table,
    time_table,
)
from napari_m2n2.evaluation.run import evaluate
from napari_m2n2.evaluation.runs import Run, Settings, read_run
from napari_m2n2.files import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DATA = "NAPARI_M2N2_DATA"
DOCS = Path(__file__).resolve().parent
CACHE = DOCS.parent / "build" / "results"
PRESETS: Mapping[str, Mapping[str, str]] = {
    "default": {},
    # otherwise it takes hours; docs/results.md says how little the maps differ
    "published": {"upsampling": "fast", "walk": "spectral"},
}
"""The presets, the one that is also shown alone first, with the parameters that are changed."""

BEGIN, END = "<!-- results: begin, by docs/make_results.py -->", "<!-- results: end -->"


def measure(folder: Path, cache: Path, workers: int | None) -> list[Run]:
    """Click every object of an index with both presets, and return the runs.

    Raises
    ------
    UserError
        If the images or the cache cannot be used.
    """
    index = (folder / "index.csv").absolute()
    dataset = open_dataset("index", index)
    cache.mkdir(parents=True, exist_ok=True)
    runs = []
    for preset, parameters in PRESETS.items():
        with ConsoleProgress() as progress:
            runs.append(
                evaluate(
                    dataset.cases,
                    Settings(preset=preset, protocol="m2n2", clicks=20, parameters=parameters),
                    cache / f"texture-{preset}.json",
                    source={"dataset": "index", "path": str(index), "options": {}},
                    problems=dataset.problems,
                    workers=workers,
                    progress=progress,
                )
            )
    return runs


def read(folder: Path) -> list[Run]:
    """Return the runs in a folder, those of the default preset first.

    Raises
    ------
    FileError
        If there is none, or one is damaged.
    """
    runs = [read_run(path) for path in sorted(folder.glob("*.json"))]
    if not runs:
        raise FileError(f"{folder} has no run file (*.json); give another folder.")
    return sorted(runs, key=lambda run: run.settings.preset != next(iter(PRESETS)))


def drawings(systems: Sequence[System]) -> Mapping[str, tuple[str, Figure]]:
    """Return the drawings by the name of their file, each with what it shows."""
    k = last_at(systems)
    return {
        "results-iou": (
            f"IoU after {count(k, 'click')} of every dataset",
            marks(mark_rows(systems, k), label=f"IoU after {count(k, 'click')}"),
        ),
        "results-domains": (
            "Mean IoU from click to click, by domain",
            curves(domain_panels(systems), label="mean IoU", columns=3),
        ),
        "results-datasets": (
            "Mean IoU from click to click, by dataset",
            curves(dataset_panels(systems), label="mean IoU"),
        ),
        "results-clicks": (
            f"Share of objects that had an IoU after so many clicks, {systems[0].name}",
            curves(reached_panels(systems[:1]), label="share of objects"),
        ),
    }


def text(systems: Sequence[System], shown: Mapping[str, str]) -> str:
    """Return what stands between the markers: tables, and links to the drawings."""
    gaps = [found for system in systems if (found := gap_table(system)) is not None]
    parts = [
        _origin(systems),
        "### By domain",
        shown["results-iou"],
        *_tables(*gaps),
        *_tables(medical_table(systems)),
        *_tables(quality_table(systems, "domain"), effort_table(systems, "domain")),
        shown["results-domains"],
        shown["results-clicks"],
        "### By dataset",
        *_tables(quality_table(systems), effort_table(systems), time_table(systems)),
        shown["results-datasets"],
    ]
    differences, failures = difference_tables(systems), failure_table(systems)
    if differences:
        parts += ["### Presets against each other", *_tables(*differences)]
    if failures is not None:
        parts += ["### What could not be evaluated", *_tables(failures)]
    return "\n\n".join(parts)


def write(runs: Sequence[Run], page: Path, images: Path) -> None:
    """Write the part of a page between its markers, and the drawings it shows.

    Raises
    ------
    FileError
        If the page has no markers, or something cannot be written.
    """
    before, after = _around(page)
    runs = [_anywhere(run) for run in runs]
    systems = make_systems(runs, [run.settings.preset for run in runs])
    shown = {}
    images.mkdir(exist_ok=True)
    for name, (says, figure) in drawings(systems).items():
        with replacing(images / f"{name}.png") as temporary:
            temporary.write_bytes(to_png(figure))
        shown[name] = f"![{escape(says)}]({images.name}/{name}.png)"
    with replacing(page) as temporary:
        inner = text(systems, shown)
        temporary.write_text(f"{before}{BEGIN}\n\n{inner}\n\n{END}{after}", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--runs", type=Path, metavar="DIR", help="make the page from the run files in DIR")
    add("--cache", type=Path, default=CACHE, help="where run files are kept (build/results)")
    add("--page", type=Path, default=DOCS / "results.md", help="the page to write (results.md)")
    add("--workers", type=int, help="processes; by default as many as suit this computer")
    options = parser.parse_args(arguments)
    data = os.environ.get(DATA)
    if options.runs is None and not data:
        sys.stderr.write(
            f"Skipped: no images to measure; set {DATA} to a folder with an index.csv, "
            "or give --runs DIR.\n"
        )
        return 0
    try:
        _around(options.page)  # what cannot be written is said before hours of work
        if options.runs is not None:
            runs = read(options.runs)
        else:
            runs = measure(Path(data or ""), options.cache, options.workers)
        write(runs, options.page, options.page.parent / "images")
    except UserError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{options.page}\n")
    return 0


def _anywhere(run: Run) -> Run:
    """Return a run whose sentences do not tell where on this computer the images lie."""
    folder = os.path.dirname(str(run.source.get("path", "")))
    if not folder:
        return run
    failures = tuple(
        replace(failure, sentence=failure.sentence.replace(folder, "FOLDER"))
        for failure in run.failures
    )
    return replace(run, failures=failures)


def _around(page: Path) -> tuple[str, str]:
    """Return what stands before and after the markers of a page."""
    try:
        content = page.read_text(encoding="utf-8")
    except OSError as error:
        raise FileError(f"{page} cannot be read ({error.strerror}); give a page.") from error
    before, begin, rest = content.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise FileError(f"{page} lacks its markers; add the lines {BEGIN} and {END}.")
    return before, after


def _origin(systems: Sequence[System]) -> str:
    """Return a paragraph on how the numbers came about, without a word on whose machine it was."""
    first = systems[0]
    run = first.runs[0]
    settings = first.settings
    versions = ", ".join(
        f"{name} {run.versions[name]}"
        for name in ("napari-m2n2", "torch", "numpy", "scikit-image")
        if name in run.versions
    )
    grid = "" if settings.grid is None else f", grid {settings.grid}"
    return escape(
        f"Backbone {settings.backbone}, method {settings.method}, protocol {settings.protocol}, "
        f"{count(settings.clicks, 'click')}{grid}: {count(len(first.records), 'object')} of "
        f"{count(len(first.datasets), 'dataset')}. {versions}."
    )


def _tables(*tables: Table) -> list[str]:
    """Return tables in Markdown."""
    return [table(one) for one in tables]


if __name__ == "__main__":
    sys.exit(main())
