"""The drawings of a report: curves over clicks, and means with their intervals.

They are made twice: as SVG for a page that may be dark, with the page's own colour for lines and
letters, and as PNG for pages that hold files. matplotlib is imported when a drawing is made.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_m2n2.errors import MissingError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, RULE = "#1a1c1f", "#c9ced4"
"""Colours of letters and of thin lines; on a page they become the page's own."""

# readable on white and on black, and told apart by line style where colour does not
COLOURS = ("#2f83d6", "#e0702a", "#1f9e77", "#b65fc0", "#b8931a", "#d1495b", "#7a7f87")
_STYLES = ("-", "--", "-.", ":")
DOMAIN_COLOURS = {"natural": 0, "microscopy": 2, "medical": 1, "": 3}
"""Which colour a domain has in every drawing."""

_LONGEST = 38
_WIDTH = 9.6
_RC: Any = {  # matplotlib types the names of all its parameters
    "axes.edgecolor": RULE,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.labelsize": 9,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlesize": 9.5,
    "figure.facecolor": "none",
    "font.family": ["DejaVu Sans"],  # comes with matplotlib, the same everywhere
    "font.size": 9,
    "grid.color": RULE,
    "grid.linewidth": 0.5,
    "legend.frameon": False,
    "svg.fonttype": "path",
    "svg.hashsalt": "napari-m2n2",
    "text.color": INK,
    "text.parse_math": False,  # a dollar in a dataset's name is a dollar
    "xtick.color": INK,
    "ytick.color": INK,
}


@dataclass(frozen=True)
class Line:
    """A curve over clicks 1, 2, ...

    Attributes
    ----------
    label : str
        Curves of one label look alike in all panels.
    values : tuple of float
    low, high : tuple of float
        Ends of the band around it; empty for none.
    colour : int
        Place in `COLOURS`.
    """

    label: str
    values: tuple[float, ...]
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    colour: int = 0


@dataclass(frozen=True)
class Panel:
    """Curves in one frame."""

    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Mark:
    """A value with its interval; NaN ends for none."""

    label: str
    value: float
    low: float
    high: float
    colour: int = 0
    published: bool = False


@dataclass(frozen=True)
class Row:
    """A line of a drawing of marks; without marks, a heading."""

    title: str
    marks: tuple[Mark, ...] = ()


@contextmanager
def style() -> Iterator[None]:
    """Draw in the look of the reports, whatever the user's matplotlib is set to.

    Raises
    ------
    MissingError
        If matplotlib is not installed.
    """
    try:
        import matplotlib as mpl
    except ImportError:
        raise MissingError(
            "Reports are drawn with matplotlib, which is not installed; "
            'run: pip install "napari-m2n2[evaluation]"'
        ) from None
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_RC)
        yield


def curves(panels: Sequence[Panel], *, label: str, columns: int = 4) -> Figure:
    """Draw curves over clicks, values in [0, 1].

    Parameters
    ----------
    panels : sequence of Panel
        At least one.
    label : str
        Of the vertical axis.
    columns : int
        Most panels beside each other.

    Returns
    -------
    matplotlib.figure.Figure
    """
    with style():
        from matplotlib.figure import Figure

        columns = min(columns, len(panels))
        lines = -(-len(panels) // columns)
        shape = (_WIDTH, 0.8 + lines * (3.0 if columns < 3 else 2.1))
        figure = Figure(figsize=shape, layout="constrained")
        axes = figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False)
        labels = in_order([line for panel in panels for line in panel.lines])
        handles: dict[str, Any] = {}
        for axis, panel in zip(axes.flat, panels, strict=False):
            axis.set_title(shorten(panel.title))
            for line in panel.lines:
                handles[line.label] = _curve(axis, line, labels.index(line.label))
        clicks = max((len(line.values) for panel in panels for line in panel.lines), default=1)
        axes[0, 0].set(xlim=(0.5, clicks + 0.5), ylim=(0, 1.02))
        axes[0, 0].set_xticks(sorted({1, *range(5, clicks + 1, 5), clicks}))
        for axis in axes.flat[len(panels) :]:
            axis.set_axis_off()
        for column in range(columns):
            lowest = axes.flat[(len(panels) - 1 - column) // columns * columns + column]
            lowest.set_xlabel("clicks")
            lowest.tick_params(labelbottom=True)
        for axis in axes[:, 0]:
            axis.set_ylabel(label)
        if len(handles) > 1:
            _legend(figure, {name: handles[name] for name in labels})
    return figure


def in_order(shown: Sequence[Line | Mark]) -> list[str]:
    """Return the names that a legend has, in the order of the colours.

    The first panel may lack what comes first, such as a run that has no natural images.
    """
    return list(dict.fromkeys(one.label for one in sorted(shown, key=lambda one: one.colour)))


def marks(rows: Sequence[Row], *, label: str) -> Figure:
    """Draw values in [0, 1] below each other, each with its interval.

    Parameters
    ----------
    rows : sequence of Row
        From the top.
    label : str
        Of the horizontal axis.

    Returns
    -------
    matplotlib.figure.Figure
    """
    with style():
        from matplotlib.figure import Figure

        heights = [max(1.0, 0.55 * len(row.marks)) for row in rows]
        figure = Figure(figsize=(_WIDTH, 0.9 + 0.26 * sum(heights)), layout="constrained")
        axis = figure.subplots()
        handles: dict[str, Any] = {}
        places: list[float] = []
        top = 0.0
        for row, height in zip(rows, heights, strict=True):
            places.append(top + height / 2)
            for number, mark in enumerate(row.marks, 1):
                place = top + height * number / (len(row.marks) + 1)
                handles.setdefault(mark.label, _mark(axis, mark, place))
            top += height
        axis.set(ylim=(top, 0), xlim=(0, 1), xlabel=label)
        axis.set_yticks(places, [shorten(row.title) for row in rows])
        for text, row in zip(axis.get_yticklabels(), rows, strict=True):
            text.set_fontweight("normal" if row.marks else "bold")
        axis.tick_params(axis="y", length=0)
        axis.grid(visible=False, axis="y")
        if len(handles) > 1:
            names = in_order([mark for row in rows for mark in row.marks])
            _legend(figure, {name: handles[name] for name in names})
    return figure


def to_svg(figure: Figure) -> str:
    """Return a drawing as SVG markup to stand in an HTML page.

    It names no other resource, takes its ink from the page (``currentColor``, ``--rule``), and its
    ids are its own even where several drawings stand in one page.
    """
    buffer = io.StringIO()
    with style():
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(buffer, format="svg", metadata=nothing)
    markup = buffer.getvalue()
    markup = markup[markup.index("<svg") :]
    markup = re.sub(r"<metadata>.*?</metadata>", "", markup, flags=re.DOTALL)
    markup = re.sub(r"<!--.*?-->", "", markup, flags=re.DOTALL)
    markup = re.sub(r' xmlns(:\w+)?="[^"]*"', "", markup, count=2)
    own = "d" + hashlib.sha256(markup.encode()).hexdigest()[:8] + "-"
    markup = re.sub(r'\bid="', f'id="{own}', markup)
    markup = re.sub(r'(href="|url\()#', rf"\1#{own}", markup)
    return markup.replace(INK, "currentColor").replace(RULE, "var(--rule)").strip()


def to_png(figure: Figure, dpi: int = 110) -> bytes:
    """Return a drawing as PNG on white."""
    buffer = io.BytesIO()
    with style():
        # without the version of matplotlib the same drawing is the same file
        figure.savefig(
            buffer, format="png", dpi=dpi, facecolor="white", metadata={"Software": None}
        )
    return buffer.getvalue()


def shorten(name: str) -> str:
    """Return a name on one line that fits beside a drawing."""
    line = "".join(c if c.isprintable() else " " for c in " ".join(name.split()))
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def _legend(figure: Figure, handles: Mapping[str, Any]) -> None:
    """Say above a drawing what stands for what."""
    figure.legend(
        list(handles.values()),
        [shorten(name) for name in handles],
        loc="outside upper center",
        ncols=min(4, len(handles)),
    )


def _curve(axis: Axes, line: Line, place: int) -> Any:
    """Draw one curve and return what stands for it in a legend."""
    clicks = range(1, len(line.values) + 1)
    colour = COLOURS[line.colour % len(COLOURS)]
    if line.low:
        axis.fill_between(clicks, line.low, line.high, color=colour, alpha=0.18, linewidth=0)
    drawn = axis.plot(
        clicks,
        line.values,
        _STYLES[place % len(_STYLES)],
        color=colour,
        linewidth=1.8,
        marker="o",
        markersize=2.4,
    )
    return drawn[0]


def _mark(axis: Axes, mark: Mark, place: float) -> Any:
    """Draw one value and return what stands for it in a legend."""
    colour = COLOURS[mark.colour % len(COLOURS)]
    if mark.low == mark.low:  # not NaN
        axis.plot([mark.low, mark.high], [place, place], color=colour, linewidth=2.2, alpha=0.55)
    drawn = axis.plot(
        [mark.value],
        [place],
        linestyle="none",
        marker="D" if mark.published else "o",
        markersize=6,
        color=colour,
        markerfacecolor="none" if mark.published else colour,
    )
    return drawn[0]
