"""A report as one HTML file that needs nothing else: no script, no font, no image from elsewhere.

The page forbids itself to load anything (its Content-Security-Policy), follows the reader's choice
of light or dark, and prints.
"""

from __future__ import annotations

import base64
import html

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

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"

_STYLE = """
:root { color-scheme: light dark; --ink: #1a1c1f; --paper: #ffffff; --soft: #5b626b;
  --rule: #c9ced4; --tint: #f3f5f7; --mark: #0b6bcb; --strong: #e8f1fb; }
@media (prefers-color-scheme: dark) { :root { --ink: #e7eaee; --paper: #15181c; --soft: #a4acb6;
  --rule: #444c56; --tint: #1f242a; --mark: #6cb4ff; --strong: #1b2d42; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 1rem/1.55 system-ui, "Segoe UI", "Helvetica Neue", Arial, sans-serif; }
main { max-width: 66rem; margin: 0 auto; padding: 1.5rem 1.25rem 4rem; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: .5rem 0 1rem; }
h2 { font-size: 1.3rem; margin: 2.75rem 0 .6rem; padding-top: .6rem;
  border-top: 1px solid var(--rule); }
h3 { font-size: 1.05rem; margin: 1.8rem 0 .4rem; }
p, ul, dl { max-width: 48rem; }
nav ul { padding: 0; margin: 0 0 1.5rem; list-style: none; display: flex; flex-wrap: wrap;
  gap: .2rem 1.1rem; }
nav a, a { color: var(--mark); }
.headline { border-left: .35rem solid var(--mark); background: var(--tint);
  padding: .9rem 1.2rem; margin: 1.2rem 0; }
.headline p { margin: 0; max-width: none; }
.headline .found { font-size: 1.25rem; font-weight: 600; line-height: 1.35; }
.headline .detail { margin-top: .5rem; color: var(--soft); }
.wide { overflow-x: auto; margin: 1rem 0 .4rem; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--soft); padding-bottom: .4rem; }
th, td { padding: .28rem .65rem; text-align: right; vertical-align: top;
  border-bottom: 1px solid var(--rule); white-space: nowrap; }
th { font-weight: 600; }
thead th { border-bottom: 2px solid var(--soft); vertical-align: bottom;
  white-space: normal; min-width: 3.6rem; }
.words { text-align: left; white-space: normal; overflow-wrap: break-word;
  min-width: 9rem; }
tbody th.words { font-weight: 400; }
tbody tr.strong > * { background: var(--strong); font-weight: 600; }
.note { color: var(--soft); font-size: .9rem; margin: .3rem 0; }
figure { margin: 1.2rem 0; break-inside: avoid; }
figure svg, figure img { max-width: 100%; height: auto; display: block; }
figcaption { color: var(--soft); font-size: .9rem; margin-top: .4rem; max-width: 48rem;
  overflow-wrap: anywhere; }
.gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(26rem, 100%), 1fr));
  gap: 1.4rem; }
.gallery figure { margin: 0; }
dt { font-weight: 600; margin-top: .5rem; }
dd { margin: 0 0 0 1.2rem; }
@media print { :root { color-scheme: light; --ink: #000; --paper: #fff; --soft: #444;
  --rule: #bbb; --tint: #f5f5f5; --mark: #000; --strong: #eee; }
  body { font-size: 10pt; } main { max-width: none; padding: 0; } nav { display: none; }
  .wide { overflow: visible; } table { font-size: 7.5pt; } th, td { padding: .15rem .3rem; }
  thead { display: table-header-group; }
  tr, figure, .headline { break-inside: avoid; } h2, h3 { break-after: avoid; } }
"""


def page(document: Document) -> str:
    """Return a document as a complete HTML page."""
    title = html.escape(document.title)
    links = "".join(
        f'<li><a href="#part{number}">{html.escape(text)}</a></li>'
        for number, text in enumerate(document.sections(), 1)
    )
    body: list[str] = []
    part = 0
    for block in document.blocks:
        part += isinstance(block, Heading) and block.level == 2
        body.append(_block(block, part))
    contents = f'<nav aria-label="Contents"><ul>{links}</ul></nav>' if links else ""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"<h1>{title}</h1>\n{contents}\n" + "\n".join(body) + "\n</main>\n</body>\n</html>\n"
    )


def _block(block: Block, part: int) -> str:
    """Return one block; `part` numbers the section for links to it."""
    say = html.escape
    match block:
        case Heading():
            mark = f' id="part{part}"' if block.level == 2 else ""
            return f"<h{block.level}{mark}>{say(block.text)}</h{block.level}>"
        case Paragraph():
            return f"<p>{say(block.text)}</p>"
        case Headline():
            detail = f'<p class="detail">{say(block.detail)}</p>' if block.detail else ""
            return f'<div class="headline"><p class="found">{say(block.text)}</p>{detail}</div>'
        case Bullets():
            return "<ul>" + "".join(f"<li>{say(item)}</li>" for item in block.items) + "</ul>"
        case Terms():
            items = (f"<dt>{say(word)}</dt><dd>{say(text)}</dd>" for word, text in block.items)
            return "<dl>" + "".join(items) + "</dl>"
        case Table():
            return _table(block)
        case Chart():
            return (
                f'<figure><div role="img" aria-label="{say(block.alt)}">{block.draw()}</div>'
                f"<figcaption>{say(block.caption)}</figcaption></figure>"
            )
        case Gallery():
            return _gallery(block)


def _table(block: Table) -> str:
    """Return a table that scrolls by itself where the page is narrow."""
    words = {0, *block.prose}

    def cell(kind: str, scope: str, column: int, text: str) -> str:
        names = ' class="words"' if column in words else ""
        return f"<{kind}{scope}{names}>{html.escape(text)}</{kind}>"

    head = "".join(cell("th", ' scope="col"', *item) for item in enumerate(block.head))
    rows = []
    for number, row in enumerate(block.rows):
        mark = ' class="strong"' if number in block.strong else ""
        first = cell("th", ' scope="row"', 0, row[0])
        rest = "".join(cell("td", "", column, row[column]) for column in range(1, len(row)))
        rows.append(f"<tr{mark}>{first}{rest}</tr>")
    caption = f"<caption>{html.escape(block.caption)}</caption>" if block.caption else ""
    notes = "".join(f'<p class="note">{html.escape(note)}</p>' for note in block.notes)
    return (
        f'<div class="wide"><table>{caption}<thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>{notes}"
    )


def _gallery(block: Gallery) -> str:
    """Return pictures beside each other, each with its caption."""
    figures = []
    for picture in block.pictures:
        data = base64.b64encode(picture.png).decode("ascii")
        caption = html.escape(picture.caption)
        figures.append(
            f'<figure><img src="data:image/png;base64,{data}" alt="{caption}">'
            f"<figcaption>{caption}</figcaption></figure>"
        )
    return f'<div class="gallery">{"".join(figures)}</div>'
