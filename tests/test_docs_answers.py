"""Answers in the documentation name tests that exist; the pictures of the walk are its own."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def rows(page: str = "user-questions.md", head: str = "| asked") -> list[str]:
    """Lines of the tables of a page, without their heads."""
    lines = (DOCS / page).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.startswith("| ") and not line.startswith(head)]


def cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip("|").split("|")]


def assert_tests_exist(named: str) -> None:
    found = NAMED.findall(named)
    assert found
    for path, name in found:
        assert name.startswith("test_")
        assert name in functions_in(path), f"{path} has no {name}"


@cache
def functions_in(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_there_are_answers() -> None:
    assert len(rows()) >= 40


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[2:40].split(" |")[0])
def test_every_answer_names_a_test_that_exists(row: str) -> None:
    asked, answer, named = cells(row)
    assert asked
    assert answer
    assert_tests_exist(named)


def features() -> list[str]:
    return rows("features.md", "| feature")


def test_all_features_are_compared() -> None:
    assert len(features()) >= 70


@pytest.mark.parametrize("row", features(), ids=lambda row: row[2:40].split(" |")[0])
def test_every_feature_that_is_here_names_a_test(row: str) -> None:
    feature, verdict, how, named = cells(row)
    assert feature
    assert verdict in {"yes", "no", "better"}
    if verdict == "no":
        assert how
        assert named == "–"
    else:
        assert_tests_exist(named)


# ------------------------------------------------------------------ promises
MENTIONED = re.compile(r"`((?:tests|benchmarks)/[\w/]+\.py)(?:::(\w+))?`")


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.stem)
def test_every_test_that_a_page_mentions_exists(page: Path) -> None:
    for path, name in MENTIONED.findall(page.read_text(encoding="utf-8")):
        assert (ROOT / path).is_file(), path
        assert not name or name in functions_in(path), f"{path} has no {name}"


# ------------------------------------------------------------------ the walk
PICTURE = re.compile(r"!\[([^\]]+)\]\(images/(walk-\d\d-[a-z-]+\.png)\)")
MOST_BYTES, MOST_IN_ALL = 250_000, 3_500_000


def test_the_walk_shows_all_of_its_pictures_in_order() -> None:
    shown = PICTURE.findall((DOCS / "walk.md").read_text(encoding="utf-8"))
    files = sorted(path.name for path in (DOCS / "images").glob("walk-*.png"))
    assert [name for _, name in shown] == files
    assert len({words for words, _ in shown}) == len(shown)


def test_the_program_makes_the_pictures_that_are_there() -> None:
    source = (DOCS / "make_walk.py").read_text(encoding="utf-8")
    made = re.findall(r'\.shoot\(\s*"([a-z-]+)"', source)
    files = sorted(path.stem for path in (DOCS / "images").glob("walk-*.png"))
    assert [f"walk-{number:02d}-{name}" for number, name in enumerate(made, 1)] == files


def test_the_pictures_are_small() -> None:
    sizes = [path.stat().st_size for path in (DOCS / "images").glob("walk-*.png")]
    assert max(sizes) < MOST_BYTES
    assert sum(sizes) < MOST_IN_ALL
