"""Best and worst cases as pictures, computed again from a run's own clicks and images.

A run holds no image and no mask: it names where its images lie and what was clicked. Where they
are no longer there, a sentence says so instead of a picture.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.errors import FileError, InputError, UserError
from napari_m2n2.evaluation.datasets import open_dataset
from napari_m2n2.evaluation.metrics import iou
from napari_m2n2.evaluation.predictors import create
from napari_m2n2.evaluation.report.document import Picture
from napari_m2n2.evaluation.report.figures import style
from napari_m2n2.evaluation.report.numbers import count, number
from napari_m2n2.evaluation.report.systems import System, key
from napari_m2n2.image import to_rgb
from napari_m2n2.progress import Progress, ignore

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from napari_m2n2.evaluation.clicks import Click
    from napari_m2n2.evaluation.datasets import Case, Loaded, Target
    from napari_m2n2.evaluation.runs import Record, Run

LEGEND = (
    "Left the true outline in blue; right the result in yellow, with the true outline dashed. "
    "Green discs were clicked on the object, red squares beside it, in the order of their numbers."
)
"""How to read a picture."""

_TRUTH, _RESULT = "#29b6f6", "#ffdc00"
_OBJECT, _BESIDE = "#00a844", "#e0143c"
_MARGIN, _SMALLEST = 0.3, 28
_INCHES, _DPI, _GAP = 2.8, 110, 0.03


def extremes(
    records: Sequence[Record], after: int, most: int
) -> tuple[list[Record], list[Record]]:
    """Return the best and the worst objects after so many clicks, at most one of each image.

    Parameters
    ----------
    records : sequence of Record
    after : int
        The number of clicks after which IoU counts.
    most : int
        Of either; no object is in both.

    Returns
    -------
    best, worst : list of Record
        The best first, and the worst first.
    """
    ordered = sorted(records, key=lambda one: (-one.iou[after - 1], key(one)))
    each = min(most, -(-len(ordered) // 2))
    best = _one_an_image(ordered, each)
    taken = {key(record) for record in best}
    worst = _one_an_image([one for one in reversed(ordered) if key(one) not in taken], each)
    return best, worst


def draw_cases(
    system: System, records: Sequence[Record], after: int, *, progress: Progress = ignore
) -> tuple[list[Picture], list[str]]:
    """Compute objects of a system again and draw them.

    Parameters
    ----------
    system : System
        The one that `records` are from.
    records : sequence of Record
    after : int
        How many of the clicks to show.
    progress : callable, optional
        Called as ``progress("pictures", fraction)``; may raise `Cancelled`.

    Returns
    -------
    pictures : list of Picture
        Of all that could be drawn.
    sentences : list of str
        Why the others could not, each reason once.
    """
    pictures: list[Picture] = []
    sentences: dict[str, None] = {}
    if not records:
        return pictures, []
    images = _Images(system)
    try:
        predictor = create(system.settings)
    except UserError as error:
        return [], [f"The pictures could not be computed again: {error}"]
    for place, record in enumerate(records):
        progress("pictures", place / len(records))
        try:
            loaded, target = images.find(record)
            clicks = record.clicks[:after]
            predictor.set_image(loaded.image)
            points = [(click.row, click.column) for click in clicks]
            found = predictor.segment(np.array(points, float), [click.label for click in clicks])
            png = draw_case(to_rgb(loaded.image), target.truth, found.mask, clicks)
        except UserError as error:
            sentences[str(error)] = None
            continue
        again = iou(found.mask, target.truth, target.valid)
        hidden = sum(not inside(click, *frame(target.truth | found.mask)) for click in clicks)
        pictures.append(Picture(png, _caption(record, after, again, hidden)))
    return pictures, list(sentences)


def draw_case(
    rgb: NDArray[np.floating],
    truth: NDArray[np.bool_],
    mask: NDArray[np.bool_],
    clicks: Sequence[Click],
) -> bytes:
    """Draw an object, and beside it the result and the clicks, both cut to where they are.

    Parameters
    ----------
    rgb : (H, W, 3) float array
        Values in [0, 1].
    truth, mask : (H, W) bool arrays
    clicks : sequence of Click

    Returns
    -------
    bytes
        A PNG.
    """
    with style():
        from matplotlib.figure import Figure

        rows, columns = frame(truth | mask)
        truth, mask = truth[rows, columns], mask[rows, columns]
        height, width = rows.stop - rows.start, columns.stop - columns.start
        scale = _INCHES / max(width, height)
        figure = Figure(figsize=((2 + _GAP) * width * scale, height * scale))
        extent = (columns.start - 0.5, columns.stop - 0.5, rows.stop - 0.5, rows.start - 0.5)
        share = 1 / (2 + _GAP)
        for left in (0, 1 - share):
            axis = figure.add_axes((left, 0, share, 1))
            axis.set_axis_off()
            axis.imshow(np.clip(rgb[rows, columns], 0, 1), extent=extent)
            _outline(axis, truth, extent, _TRUTH, "--" if left else "-")
            axis.set(xlim=extent[:2], ylim=extent[2:])
        _outline(axis, mask, extent, _RESULT, "-")
        for place, click in enumerate(clicks, 1):
            if inside(click, rows, columns):
                _mark(axis, click, place)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=_DPI, metadata={"Software": None})
        return buffer.getvalue()


class _Images:
    """The images that the runs of a system were made with, each dataset opened once."""

    def __init__(self, system: System) -> None:
        self._run = {key(record): run for run in system.runs for record in run.objects}
        self._cases: dict[int, dict[tuple[str, str], Case]] = {}

    def find(self, record: Record) -> tuple[Loaded, Target]:
        """Return the image of a record and its object; UserError if they are not there."""
        run = self._run[key(record)]
        if id(run) not in self._cases:
            self._cases[id(run)] = _cases(run)
        case = self._cases[id(run)].get((record.dataset, record.image))
        if case is None:
            raise FileError(
                f"The image {record.image} of {record.dataset} is no longer where the run had it; "
                "put it back to see its picture."
            )
        loaded = case.load()
        target = next((one for one in loaded.targets if one.name == record.object), None)
        if target is None:
            raise InputError(
                f"The image {record.image} of {record.dataset} no longer has the object "
                f"{record.object}; use the masks that the run was made with."
            )
        return loaded, target


def _cases(run: Run) -> dict[tuple[str, str], Case]:
    """Return the cases of a run by dataset and image; FileError if they cannot be listed."""
    source: Mapping[str, Any] = run.source
    name, path = source.get("dataset"), source.get("path")
    if not name or not path:
        raise FileError("There are no pictures, since the run does not say where its images lie.")
    try:
        dataset = open_dataset(name, path, **dict(source.get("options") or {}))
    except UserError as error:
        raise FileError(
            f"There are no pictures, since the images are not there: {error}"
        ) from error
    return {(case.dataset, case.image): case for case in dataset.cases}


def _one_an_image(ordered: Sequence[Record], most: int) -> list[Record]:
    """Return the first objects, none of them from the image of another."""
    seen: set[tuple[str, str]] = set()
    chosen = []
    for record in ordered:
        if (record.dataset, record.image) not in seen:
            seen.add((record.dataset, record.image))
            chosen.append(record)
    return chosen[:most]


def _caption(record: Record, after: int, again: float, hidden: int) -> str:
    """Say what a picture shows."""
    clicks = record.clicks[:after]
    name = f"{record.dataset}, {record.image}"
    name += f", object {record.object}" if record.object not in ("", "object") else ""
    stored = record.iou[after - 1]
    said = f"{name}: IoU {number(stored, 2)} after {count(len(clicks), 'click')}."
    if hidden:
        said += f" {count(hidden, 'click lies', 'clicks lie')} beyond the picture."
    if abs(again - stored) > 0.01:
        said += f" Computed again here it is {number(again, 2)}: another version or machine."
    return said


def frame(shown: NDArray[np.bool_]) -> tuple[slice, slice]:
    """Return the rows and columns of what is drawn, with a margin around it.

    Clicks far away do not count, or a small object would be a speck.
    """
    found = []
    for size, there in zip(shown.shape, (shown.any(axis=1), shown.any(axis=0)), strict=True):
        places = np.flatnonzero(there)
        low, high = (int(places[0]), int(places[-1]) + 1) if places.size else (0, size)
        margin = max(round(_MARGIN * (high - low)), (_SMALLEST - (high - low)) // 2, 3)
        found.append(slice(max(low - margin, 0), min(high + margin, size)))
    return found[0], found[1]


def inside(click: Click, rows: slice, columns: slice) -> bool:
    """Return whether a click is in the picture."""
    return click.row in range(rows.start, rows.stop) and click.column in range(
        columns.start, columns.stop
    )


def _mark(axis: Axes, click: Click, place: int) -> None:
    """Draw a click with its number."""
    axis.plot(
        click.column,
        click.row,
        "o" if click.label else "s",
        color=_OBJECT if click.label else _BESIDE,
        markersize=8,
        markeredgecolor="white",
        markeredgewidth=0.8,
    )
    axis.text(
        click.column,
        click.row,
        str(place),
        color="white",
        fontsize=5.5,
        fontweight="bold",
        ha="center",
        va="center_baseline",
        clip_on=True,
    )


def _outline(
    axis: Axes,
    mask: NDArray[np.bool_],
    extent: tuple[float, float, float, float],
    colour: str,
    line: str,
) -> None:
    """Draw the outline of a mask on a dark ground, so that it shows on every image."""
    if not mask.any():
        return
    # closed where the object goes on beyond the image
    padded = np.pad(mask, 1).astype(float)
    rows = np.arange(-1, mask.shape[0] + 1) + extent[3] + 0.5
    columns = np.arange(-1, mask.shape[1] + 1) + extent[0] + 0.5
    axis.contour(columns, rows, padded, [0.5], colors="black", linewidths=2.6, alpha=0.6)
    axis.contour(columns, rows, padded, [0.5], colors=colour, linewidths=1.5, linestyles=line)
