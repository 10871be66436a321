"""What a report says, in blocks that know neither HTML nor Markdown.

Every text in here is plain: whoever writes a page escapes it for that page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Heading:
    """The title of a section (level 2) or of a part of it (level 3)."""

    text: str
    level: int = 2


@dataclass(frozen=True)
class Paragraph:
    """A few sentences."""

    text: str


@dataclass(frozen=True)
class Headline:
    """What the report found, in one sentence, and what stands behind it."""

    text: str
    detail: str = ""


@dataclass(frozen=True)
class Bullets:
    """A list of sentences."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class Terms:
    """Words and what they mean."""

    items: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes
    ----------
    head : tuple of str
        Names of the columns.
    rows : tuple of tuple of str
        Each as long as the head.
    caption : str
        What the table shows.
    notes : tuple of str
        Sentences below it.
    prose : frozenset of int
        Columns of words; all others hold numbers. The first column always holds words.
    strong : frozenset of int
        Rows to stand out.
    """

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""
    notes: tuple[str, ...] = ()
    prose: frozenset[int] = frozenset()
    strong: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        """Check that the rows fit the head."""
        if any(len(row) != len(self.head) for row in self.rows):
            raise ValueError("A row of a table is not as long as its head.")


@dataclass(frozen=True)
class Chart:
    """A drawing, made when a page shows it.

    Attributes
    ----------
    draw : callable
        Returns SVG markup of `napari_m2n2.evaluation.report.figures.to_svg`: the one thing in a
        document that is not escaped.
    alt : str
        What a reader who cannot see it should know.
    caption : str
        What it shows and how to read it.
    """

    draw: Callable[[], str]
    alt: str
    caption: str


@dataclass(frozen=True)
class Picture:
    """An image as PNG, and what it shows."""

    png: bytes
    caption: str


@dataclass(frozen=True)
class Gallery:
    """Pictures beside each other."""

    pictures: tuple[Picture, ...]


Block: TypeAlias = Heading | Paragraph | Headline | Bullets | Terms | Table | Chart | Gallery


@dataclass(frozen=True)
class Document:
    """A report.

    Attributes
    ----------
    title : str
    blocks : tuple of Block
        In the order they are read.
    """

    title: str
    blocks: tuple[Block, ...]

    def sections(self) -> Iterator[str]:
        """Yield the titles of the sections."""
        for block in self.blocks:
            if isinstance(block, Heading) and block.level == 2:
                yield block.text
