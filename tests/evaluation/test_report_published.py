from __future__ import annotations

import re
from pathlib import Path

import pytest

from napari_m2n2.evaluation.report.published import (
    KINDS,
    METRICS,
    PAPERS,
    ROWS,
    benchmark_of,
    differences,
    rows_of,
)


def find(method: str, dataset: str, source: str) -> dict[str, str]:
    """Return the one row of a method, dataset and source."""
    (row,) = (
        one
        for one in rows_of(dataset)
        if one.method == method and source in one.source.split(", ")
    )
    return row.values


def test_rows_that_the_issue_names() -> None:
    assert find("SimpleClick", "BraTS", "M2N2") == {"IoU@10": "87"}
    assert find("SimpleClick", "OAI-ZIB", "M2N2") == {"IoU@10": "76"}
    assert find("M2N2 SD2", "BraTS", "M2N2") == {"IoU@10": "70"}
    assert find("M2N2 SD2", "OAI-ZIB", "M2N2") == {"IoU@10": "66"}
    assert find("MIS", "BraTS", "MIS")["IoU@10"] == "84.90"
    assert find("MIS", "OAI-ZIB", "MIS")["IoU@10"] == "66.31"
    assert find("M2N2 SD2", "GrabCut", "M2N2") == {"NoC85": "1.62", "NoC90": "1.90"}


def test_a_dash_is_no_value() -> None:
    assert find("OIS ViT-B", "DAVIS", "M2N2") == {"NoC90": "3.80"}
    assert not [row for row in rows_of("SBD") if row.method == "Growcut"]


def test_every_row_is_complete() -> None:
    for row in ROWS:
        assert row.kind in KINDS.values()
        assert row.values
        assert set(row.values) <= set(METRICS)
        assert all(name in PAPERS for name in row.source.split(", "))
        for metric, text in row.values.items():
            assert 0 < float(text) <= (100 if metric.startswith("IoU") else 20)


def test_easier_targets_take_no_more_clicks() -> None:
    for row in ROWS:
        numbers = [float(row.values[name]) for name in METRICS[:3] if name in row.values]
        assert numbers == sorted(numbers), row


def test_training_free_rows_were_clicked_by_the_protocol_of_m2n2() -> None:
    assert {row.protocol for row in ROWS if row.kind == "training-free"} == {"m2n2"}
    assert {row.protocol for row in ROWS if row.kind != "training-free"} == {"ritm"}


@pytest.mark.parametrize(
    ("dataset", "benchmark"),
    [
        ("grabcut", "GrabCut"),
        ("grabcut-m2n2", "GrabCut"),
        ("grabcut50", "GrabCut"),
        ("berkeley100", "Berkeley"),
        ("sbd", "SBD"),
        ("davis345_subset", "DAVIS"),
        ("brats2015_deepmedic", "BraTS"),
        ("brats-nifti", "BraTS"),
        ("oai-zib", "OAI-ZIB"),
        ("knee_oai_zib", "OAI-ZIB"),
    ],
)
def test_datasets_find_their_benchmark(dataset: str, benchmark: str) -> None:
    found = benchmark_of(dataset)
    assert found is not None
    assert found.name == benchmark


def test_other_datasets_have_none() -> None:
    assert benchmark_of("dsb2018_fluo") is None
    assert differences("dsb2018_fluo", 10, "ritm") == ()


def test_differences_name_slices_number_and_protocol() -> None:
    said = " ".join(differences("brats2018", 10, "ritm"))
    assert "Other slices" in said
    assert "10 objects here, 369 in the papers" in said
    assert "ritm" in said
    whole = " ".join(differences("grabcut-m2n2", 50, "m2n2"))
    assert "in the papers" not in whole
    assert "counts as object" in whole


def test_rows_are_those_of_the_specification(shared: Path) -> None:
    """Every cell of the specification's table is here, and nothing else."""
    page = shared / "methods" / "EVALUATION.md"
    if not page.is_file():
        pytest.skip("the shared folder has no specification")
    text = page.read_text(encoding="utf-8")
    part = text.split("## 6. Anchors")[1].split("TF = training-free")[0]
    wanted = set()
    for line in part.splitlines():
        cells = [re.sub(r"[*†]", "", cell).strip() for cell in line.strip("| ").split("|")]
        if len(cells) != 7 or cells[0] in ("method", "---"):
            continue
        for dataset, cell in zip(("GrabCut", "Berkeley", "SBD", "DAVIS"), cells[2:6], strict=True):
            for metric, value in zip(("NoC85", "NoC90"), cell.split("/"), strict=False):
                if value != "–":
                    wanted.add((cells[0], dataset, metric, value))
    there = {
        (row.method, row.dataset, metric, value)
        for row in ROWS
        for metric, value in row.values.items()
        if row.dataset not in ("BraTS", "OAI-ZIB") and row.source != "M2N2 README"
    }
    assert len(wanted) > 200
    assert there == wanted
