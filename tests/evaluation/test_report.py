"""Whole reports: what every reader of one may rely on."""

from __future__ import annotations

import builtins
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from made_runs import climbing, record, run, two_domains

from napari_m2n2.errors import FileError, MissingError
from napari_m2n2.evaluation.report.compare import write_report
from napari_m2n2.evaluation.report.domain_bias import write_domain_bias
from napari_m2n2.evaluation.runs import Failure, Run

HOSTILE = '<img src="http://evil.example/x.png" onerror=alert(1)>|`*_[x](http://e.example)$a$&'
VOID = {"meta", "img", "br", "link", "hr", "input"}


class Page(HTMLParser):
    """Reads a page: what it refers to, and whether its tags are closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: dict[str, int] = {}
        self.references: list[str] = []
        self.handlers: list[str] = []
        self.ids: list[str] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] = self.tags.get(tag, 0) + 1
        for name, value in attrs:
            if name in {"src", "href", "xlink:href", "srcset", "action", "data", "poster"}:
                self.references.append(value or "")
            if name.startswith("on"):
                self.handlers.append(name)
            if name == "id":
                self.ids.append(value or "")
            self.references += re.findall(r"url\(['\"]?([^)'\"]+)", value or "")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)
        if self.open[-1:] == ["style"]:
            assert "@import" not in data
            self.references += re.findall(r"url\(['\"]?([^)'\"]+)", data)

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.text).split())


def check_page(path: Path) -> Page:
    """Assert that a page needs nothing else and can do nothing else."""
    page = Page(path.read_text(encoding="utf-8"))
    ids = set(page.ids)
    assert len(ids) == len(page.ids)
    for reference in page.references:
        inside = reference.startswith("#") and reference[1:] in ids
        assert inside or reference.startswith("data:image/png;base64,"), reference[:80]
    assert not page.handlers
    assert not {"script", "link", "iframe", "object", "embed", "form", "base"} & set(page.tags)
    return page


def check_markdown(text: str) -> None:
    """Assert that tables have as many cells in every row as in their head, and no raw HTML."""
    assert not re.search(r"(?<!\\)<", text)
    lines = text.splitlines()
    for place, line in enumerate(lines):
        if re.fullmatch(r"\|( ---:? \|)+", line):
            width = line.count("|")
            assert lines[place - 2] == "" or lines[place - 2].startswith("|")
            for row in [lines[place - 1], *iterate_rows(lines[place + 1 :])]:
                assert len(re.findall(r"(?<!\\)\|", row)) == width, row


def iterate_rows(lines: list[str]) -> list[str]:
    rows = []
    for line in lines:
        if not line.startswith("|"):
            break
        rows.append(line)
    return rows


def both(tmp_path: Path, runs: list[Run], write: Any = write_domain_bias, **options: Any) -> tuple:
    html, markdown = tmp_path / "report.html", tmp_path / "report.md"
    write(runs, html, markdown, **{"pictures": 1, **options})
    text = markdown.read_text(encoding="utf-8")
    check_markdown(text)
    return check_page(html), text


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> tuple[Page, str, str]:
    """The report of two domains: the page, its source and its Markdown."""
    folder = tmp_path_factory.mktemp("usual")
    page, text = both(folder, [two_domains()])
    return page, (folder / "report.html").read_text(encoding="utf-8"), text


# ------------------------------------------------------------------ what it says
def test_headline_has_the_gap_with_its_interval(usual: tuple) -> None:
    page, _, text = usual
    said = (
        "m2n2, texture: after 10 clicks the mean IoU is 0.867 on natural images and 0.600 on "
        "medical ones, a gap of 0.267 (95 % interval 0.200 to 0.300)."
    )
    assert said in page.words
    assert said in text
    assert "If every dataset counted the same, the gap would be 0.250." in page.words


def test_published_rows_are_there_with_source_and_remark(usual: tuple) -> None:
    page, _, text = usual
    for wanted in ("84.90", "84.79", "87", "70", "1.62", "Karmann and Urfalioglu"):
        assert wanted in page.words
        assert wanted in text
    assert "brats2018: Other slices than the 369 of the papers" in page.words
    assert "2 objects here, 369 in the papers" in page.words


def test_what_could_not_be_evaluated_is_listed(tmp_path: Path) -> None:
    failures = [Failure("brats2018", "b", "tumour", "The mask is empty; leave it out.")]
    page, text = both(tmp_path, [run([record([0.5] * 12)], failures=failures)])
    assert "The mask is empty; leave it out." in page.words
    assert "The mask is empty; leave it out." in text


def test_images_that_are_gone_are_a_sentence(tmp_path: Path) -> None:
    source = {"dataset": "index", "path": str(tmp_path / "gone.csv"), "options": {}}
    page, _ = both(tmp_path, [run([record([0.5] * 12)], source=source)])
    assert "gone.csv" in page.words
    assert "img" not in page.tags


def test_how_it_was_made_names_what_was_used_and_nothing_else(tmp_path: Path) -> None:
    details = {"parameters": {"gamma": 300.0, "radius": 3}, "weights": "a/folder"}
    peer = replace(run([record([0.5] * 12)], method="geodesic"), details=details)
    page, _ = both(tmp_path, [peer])
    made = page.words.partition("How it was made")[2]
    assert "method geodesic" in made
    assert "parameters (gamma 300.0, radius 3), weights a/folder" in made
    assert "texture" not in made
    assert "preset" not in made


# ------------------------------------------------------------------ odd runs
def test_a_missing_kind_of_image_is_said(tmp_path: Path) -> None:
    page, _ = both(tmp_path, [run([record([0.5] * 12)])])
    assert "no medical images were evaluated" in page.words
    page, _ = both(tmp_path, [run([record([0.5], dataset="x", domain="microscopy")])])
    assert "no natural nor medical images were evaluated" in page.words


@pytest.mark.parametrize("write", [write_report, write_domain_bias])
def test_one_object_and_one_click(tmp_path: Path, write: Any) -> None:
    page, _ = both(tmp_path, [run([record([0.5])])], write)
    assert "after 1 click" in page.words


@pytest.mark.parametrize("write", [write_report, write_domain_bias])
def test_nothing_but_failures(tmp_path: Path, write: Any) -> None:
    page, _ = both(tmp_path, [run([], failures=[Failure("x", "a", "", "No mask.")])], write)
    assert "No mask." in page.words


@pytest.mark.parametrize("write", [write_report, write_domain_bias])
def test_several_runs(tmp_path: Path, write: Any) -> None:
    better = run(
        [
            record(climbing(0.5, 0.02)),
            record(climbing(0.4, 0.02), dataset="dsb2018_fluo", domain="microscopy"),
        ],
        preset="published",
    )
    page, text = both(tmp_path, [two_domains(), better], write)
    assert "preset published − preset default, over the objects they share." in page.words
    # one shared object, 0.9 and 0.5 + 9 × 0.02
    assert "−0.220 (−0.220 to −0.220)" in text


def test_an_interval_is_of_the_number_that_is_told(tmp_path: Path) -> None:
    names = "abcd"
    first = run([record([0.5], image=name) for name in names])
    for change, said in (
        ((-0.1, -0.2, -0.2, -0.3), r"0\.200 less IoU .* \(95 % interval 0\.1\d+ to 0\.2\d+\)"),
        ((0.1, -0.1, -0.2, -0.2), r"0\.100 less .* \(95 % interval −0\.\d+ to 0\.\d+: it may be"),
        ((0.3, -0.1, 0.2, 0.0), r"0\.100 more .* \(95 % interval −0\.\d+ to 0\.\d+: it may be"),
    ):
        scores = zip(names, change, strict=True)
        other = run([record([0.5 + by], image=name) for name, by in scores], method="kl-nn")
        _, text = both(tmp_path, [first, other], write_report)
        assert re.search(said, text), text[:600]


def test_known_clicks_where_runs_have_different_numbers(tmp_path: Path) -> None:
    page, _ = both(tmp_path, [two_domains(), run([record([0.5] * 3)])], write_report)
    assert "after 3 clicks" in page.words


# ------------------------------------------------------------------ what it must not do
@pytest.mark.parametrize("write", [write_report, write_domain_bias])
def test_hostile_names_are_text(tmp_path: Path, write: Any) -> None:
    hostile = run(
        [
            record([0.5] * 12, dataset=HOSTILE, image=HOSTILE, name=HOSTILE, domain="natural"),
            record([0.4] * 12, dataset="b", image=HOSTILE, domain=HOSTILE),
        ],
        failures=[Failure(HOSTILE, HOSTILE, HOSTILE, HOSTILE)],
        weights=HOSTILE,
        source={"dataset": HOSTILE, "path": HOSTILE},
        parameters={HOSTILE: HOSTILE},
    )
    page, text = both(tmp_path, [hostile, two_domains()], write, names=[HOSTILE, "b"])
    assert HOSTILE in page.words
    assert "](http" not in text.replace("\\]", "")


def test_no_address_of_a_server_is_in_the_page(usual: tuple) -> None:
    assert "http" not in usual[1].replace("http-equiv", "")


def test_the_same_runs_give_the_same_report(tmp_path: Path, usual: tuple) -> None:
    both(tmp_path, [two_domains()])
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == usual[1]


def test_dark_light_and_paper(usual: tuple) -> None:
    text = usual[1]
    assert "prefers-color-scheme: dark" in text
    assert "@media print" in text
    assert "currentColor" in text


# ------------------------------------------------------------------ files
def test_one_of_two_files_is_enough(tmp_path: Path) -> None:
    write_report([two_domains()], markdown=tmp_path / "r.md", pictures=0)
    assert [path.name for path in tmp_path.iterdir()] == ["r.md"]


def test_an_unwritable_place_is_said_before_anything_is_drawn(tmp_path: Path) -> None:
    def drawn(phase: str, fraction: float) -> None:
        raise AssertionError("the pictures were begun")

    with pytest.raises(FileError, match="does not exist"):
        write_report([two_domains()], tmp_path / "none" / "r.html", progress=drawn)
    assert not list(tmp_path.iterdir())


def test_without_matplotlib_a_sentence_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = builtins.__import__

    def without(name: str, *arguments: Any, **options: Any) -> Any:
        if name.split(".")[0] == "matplotlib":
            raise ImportError(name)
        return load(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingError, match=r'pip install "napari-m2n2\[evaluation\]"'):
        write_report([two_domains()], tmp_path / "r.html", pictures=0)
    assert not list(tmp_path.iterdir())
    write_report([two_domains()], markdown=tmp_path / "r.md", pictures=0)
    assert "m2n2, texture" in (tmp_path / "r.md").read_text()
