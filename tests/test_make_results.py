"""The script that writes the measured results into the documentation."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from made_runs import climbing, record, run, two_domains

from napari_m2n2.evaluation.runs import Failure, Run, write_run

DOCS = Path(__file__).resolve().parents[1] / "docs"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_results", DOCS / "make_results.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def page(tmp_path: Path, script: ModuleType) -> Path:
    path = tmp_path / "docs" / "results.md"
    path.parent.mkdir()
    path.write_text(f"# Results\n\nBefore.\n\n{script.BEGIN}\nold\n{script.END}\n\nAfter.\n")
    return path


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    folder = tmp_path / "runs"
    folder.mkdir()
    write_run(two_domains(), folder / "b.json")
    better = run([record(climbing(0.7, 0.02), image="a")], preset="published")
    write_run(better, folder / "a.json")
    return folder


def test_without_a_folder_it_skips_with_a_reason(
    script: ModuleType,
    page: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("NAPARI_M2N2_DATA", raising=False)
    before = page.read_text()
    assert script.main(["--page", str(page)]) == 0
    assert "NAPARI_M2N2_DATA" in capsys.readouterr().err
    assert page.read_text() == before


def test_page_is_made_from_run_files(script: ModuleType, page: Path, runs: Path) -> None:
    assert script.main(["--page", str(page), "--runs", str(runs)]) == 0
    text = page.read_text(encoding="utf-8")
    assert text.startswith("# Results\n\nBefore.\n")
    assert text.endswith("\n\nAfter.\n")
    assert "old" not in text
    # 0.9 in two objects and 0.8 in one
    assert "| natural images | default | 3 | 0.867 |" in text
    assert "| natural images | published | 1 | 0.700 |" in text
    assert "+0.267 (+0.200 to +0.300)" in text
    linked = re.findall(r"\]\((images/results-\w+\.png)\)", text)
    assert len(linked) == 4
    for name in linked:
        assert (page.parent / name).read_bytes().startswith(b"\x89PNG")
    assert len(list((page.parent / "images").iterdir())) == 4


def test_written_again_it_is_the_same(script: ModuleType, page: Path, runs: Path) -> None:
    files = []
    for _ in range(2):
        script.main(["--page", str(page), "--runs", str(runs)])
        files.append({p.name: p.read_bytes() for p in page.parent.rglob("*.*")})
    assert files[0] == files[1]


def test_both_presets_are_measured_on_every_set_of_the_index(
    script: ModuleType, page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    for name in ("a.png", "b.png"):
        (folder / name).touch()
    (folder / "index.csv").write_text(
        "dataset,domain,kind,object,image,mask\nsmall,natural,object,,a.png,b.png\n"
    )
    asked: list[tuple[str, Any, Path]] = []

    def evaluate(cases: Any, settings: Any, output: Path, **options: Any) -> Run:
        asked.append((settings.preset, [case.dataset for case in cases], output))
        assert options["source"]["path"] == str(folder / "index.csv")
        wrong = Failure("small", "c", "", f"{folder}/c.png cannot be read; export it again.")
        return run(
            [record([0.9] * 20, dataset="small")],
            preset=settings.preset,
            source=options["source"],
            failures=[wrong],
        )

    monkeypatch.setenv("NAPARI_M2N2_DATA", str(folder))
    monkeypatch.setattr(script, "evaluate", evaluate)
    cache = tmp_path / "cache"
    assert script.main(["--page", str(page), "--cache", str(cache)]) == 0
    assert asked == [
        ("default", ["small"], cache / "texture-default.json"),
        ("published", ["small"], cache / "texture-published.json"),
    ]
    assert str(tmp_path) not in page.read_text()
    assert "FOLDER/c.png cannot be read" in page.read_text()


@pytest.mark.parametrize("content", ["no markers", "<!-- results: end -->"])
def test_a_page_without_markers_is_left_alone(
    script: ModuleType, page: Path, runs: Path, content: str, capsys: pytest.CaptureFixture[str]
) -> None:
    page.write_text(content)
    assert script.main(["--page", str(page), "--runs", str(runs)]) == 1
    assert "lacks its markers" in capsys.readouterr().err
    assert page.read_text() == content


def test_a_folder_without_runs_is_said(
    script: ModuleType, page: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert script.main(["--page", str(page), "--runs", str(tmp_path)]) == 1
    assert "has no run file" in capsys.readouterr().err


def test_the_page_of_the_project_has_its_markers(script: ModuleType) -> None:
    text = (DOCS / "results.md").read_text(encoding="utf-8")
    assert text.count(script.BEGIN) == text.count(script.END) == 1


def test_what_is_cached_is_ignored_by_git(script: ModuleType) -> None:
    ignored = (DOCS.parent / ".gitignore").read_text(encoding="utf-8").split()
    assert f"{script.CACHE.relative_to(DOCS.parent).parts[0]}/" in ignored
