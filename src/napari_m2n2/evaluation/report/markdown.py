"""A report as Markdown: everything but the drawings, which are in the HTML."""

from __future__ import annotations

import re

from napari_m2n2.evaluation.report.document import (
    Block,
    Bullets,
    Chart,
    Document,
    Gallery,
    Heading,
    Headline,
    Paragraph,
    Table,
    Terms,
)

# an underscore inside a word is no emphasis, and dataset names read better without a backslash
_SPECIAL = re.compile(r"[\\`*|\[\]~]|(?<![^\W_])_|_(?![^\W_])")
# what begins a line may begin a heading, a list, a quotation
_BEGINNING = re.compile(r"^(\s*)([#+\-=]|\d+(?=[.)]))")


def escape(text: str) -> str:
    """Return text that Markdown shows as it is, on one line."""
    line = " ".join(text.split())
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    line = _SPECIAL.sub(lambda found: "\\" + found.group(), line)
    return _BEGINNING.sub(
        lambda found: (
            found.group(1)
            + (f"{found.group(2)}\\" if found.group(2).isdigit() else "\\" + found.group(2))
        ),
        line,
    )


def table(block: Table) -> str:
    """Return a table in Markdown; the notes follow as paragraphs."""
    words = {0, *block.prose}
    rule = ["---" if column in words else "---:" for column in range(len(block.head))]
    rows = [[_cell(text) for text in row] for row in block.rows]
    rows = [
        [f"**{text}**" if text and number in block.strong else text for text in row]
        for number, row in enumerate(rows)
    ]
    lines = [[_cell(text) for text in block.head], rule, *rows]
    drawn = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    parts = [escape(block.caption), drawn, *(escape(note) for note in block.notes)]
    return "\n\n".join(part for part in parts if part)


def markdown(document: Document) -> str:
    """Return a document in Markdown, ending with a line break."""
    parts = [f"# {escape(document.title)}", *(_block(block) for block in document.blocks)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _cell(text: str) -> str:
    """Return the text of a cell; it begins no line, so a minus stays one."""
    line = " ".join(text.split())
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _SPECIAL.sub(lambda found: "\\" + found.group(), line)


def _block(block: Block) -> str:
    """Return one block in Markdown."""
    match block:
        case Heading():
            return f"{'#' * block.level} {escape(block.text)}"
        case Paragraph():
            return escape(block.text)
        case Headline():
            detail = f"\n\n{escape(block.detail)}" if block.detail else ""
            return f"**{escape(block.text)}**{detail}"
        case Bullets():
            return "\n".join(f"- {escape(item)}" for item in block.items)
        case Terms():
            return "\n".join(f"- **{escape(word)}**: {escape(text)}" for word, text in block.items)
        case Table():
            return table(block)
        case Chart():
            return f"(Drawing in the HTML report: {escape(block.caption)})"
        case Gallery():
            return "\n".join(f"- {escape(picture.caption)}" for picture in block.pictures)
