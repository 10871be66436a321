"""`napari-m2n2 domain-bias` and `report`: from datasets and run files to reports."""

from __future__ import annotations

import json

import made_runs
import pytest
from made_sets import QUICK, make_set

from napari_m2n2.evaluation.runs import read_run, write_run


@pytest.fixture
def natural(tmp_path):
    """GrabCut's layout."""
    return make_set(tmp_path / "natural", 1, "data_GT", "boundary_GT")


@pytest.fixture
def brats(tmp_path):
    """BraTS as two folders of slices."""
    return make_set(tmp_path / "brats", 1, "image", "annotation")


@pytest.fixture
def oai(tmp_path):
    """OAI-ZIB."""
    return make_set(tmp_path / "oai", 1, "image", "annotations")


def test_data_sets_are_run_and_reported(command, in_process, natural, brats, oai, tmp_path):
    folder = tmp_path / "bias"
    sets = ("--natural", "grabcut-m2n2", natural, "--brats", brats, "--oai", oai)
    done = command("domain-bias", *sets, *QUICK, "--folder", folder, "--pictures", 1)
    assert done.code == 0, done.err
    assert done.out.splitlines() == [
        str(folder / "domain-bias.html"),
        str(folder / "domain-bias.md"),
    ]
    assert "grabcut-m2n2 (1 of 3): evaluating ..." in done.err
    names = ["brats.json", "domain-bias.html", "domain-bias.md", "grabcut-m2n2.json"]
    assert sorted(path.name for path in folder.iterdir()) == [*names, "oai-zib.json"]
    text = (folder / "domain-bias.md").read_text(encoding="utf-8")
    assert "Domain bias of m2n2, texture" in text
    assert "after 3 clicks the mean IoU is" in text
    assert len(read_run(folder / "oai-zib.json").objects) == 2
    # again: the runs are there, and a merged OAI-ZIB is another one
    again = command("domain-bias", *sets, *QUICK, "--folder", folder, "--merged", "--pictures", 0)
    assert again.code == 0
    assert len(read_run(folder / "oai-zib-merged.json").objects) == 1


def test_runs_are_taken(command, tmp_path):
    write_run(made_runs.two_domains(), tmp_path / "run.json")
    words = ("--html", tmp_path / "r.html", "--markdown", tmp_path / "r.md")
    done = command(
        "domain-bias", "--runs", tmp_path / "run.json", *words, "--folder", tmp_path / "new"
    )
    assert done.code == 0, done.err
    assert "<html" in (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "a gap of 0.267" in (tmp_path / "r.md").read_text(encoding="utf-8")


def test_what_domain_bias_refuses(command, tmp_path, natural):
    assert command("domain-bias").code == 2
    folder = ("--folder", tmp_path / "bias")
    done = command("domain-bias", "--natural", "grabcut", natural, "--brats", tmp_path, *folder)
    assert "holds no NIfTI volume" in done.sentence
    done = command("domain-bias", "--natural", "grabcut", natural, "--oai", "no", *folder)
    assert "no does not exist" in done.sentence
    assert not (tmp_path / "bias").exists()
    (tmp_path / "file").write_text("")
    write_run(made_runs.two_domains(), tmp_path / "run.json")
    words = ("--runs", tmp_path / "run.json", "--folder", tmp_path / "file" / "bias")
    assert "cannot be made" in command("domain-bias", *words).sentence


# ------------------------------------------------------------ report


@pytest.fixture
def two(tmp_path):
    """Two run files of the same objects with different methods."""
    paths = tmp_path / "a.json", tmp_path / "b.json"
    write_run(made_runs.two_domains(), paths[0])
    write_run(made_runs.two_domains(method="geodesic"), paths[1])
    return paths


def test_report_without_a_file_is_printed(command, two):
    done = command("report", *two)
    assert done.code == 0
    assert done.out.startswith("# Comparison of 2 runs\n")
    assert "geodesic" in done.out
    assert done.err == "" or all(line.endswith(" ...") for line in done.err.splitlines())


def test_report_into_files_and_names(command, two, tmp_path):
    html, markdown = tmp_path / "r.html", tmp_path / "r.md"
    words = ("--html", html, "--markdown", markdown, "--names", "ours, theirs")
    done = command("report", *two, *words)
    assert done.code == 0
    assert done.out == f"{html}\n{markdown}\n"
    for path in (html, markdown):
        text = path.read_text(encoding="utf-8")
        assert "ours" in text
        assert "theirs" in text


def test_what_report_refuses(command, two, tmp_path):
    entries = json.loads(two[0].read_text())
    other = tmp_path / "other.json"
    other.write_text(json.dumps({**entries, "format": 2}))
    assert "is a run of format 2" in command("report", two[0], other).sentence
    other.write_text("[1, 2")
    assert "is damaged or no JSON" in command("report", other).sentence
    assert "cannot be read" in command("report", tmp_path / "no.json").sentence
    done = command("report", *two, "--names", "one")
    assert "The number of names (1) is not that of the runs (2)" in done.sentence
    assert "--pictures -1 cannot be" in command("report", *two, "--pictures", -1).sentence
    html = tmp_path / "no" / "r.html"
    assert "does not exist; make it first" in command("report", *two, "--html", html).sentence
    assert command("report").code == 2
