"""`napari-m2n2 ablate`, end to end in this process."""

from __future__ import annotations

import pytest
from made_sets import QUICK

from napari_m2n2.errors import InputError
from napari_m2n2.evaluation import run as evaluation
from napari_m2n2.evaluation.runs import read_run


@pytest.fixture
def ablate(command, in_process, pairs):
    """Runs `ablate folders PAIRS` quickly with further arguments."""
    return lambda *words: command("ablate", "folders", pairs, *QUICK, *words)


def test_table_2_with_a_run_file_for_each_row(ablate, tmp_path):
    folder = tmp_path / "rows"
    done = ablate("--table", 2, "--folder", folder)
    assert done.code == 0
    assert "### Table 2: scores of the threshold" in done.out
    assert "| IoU@3 |" in done.out
    rows = [line.split("|")[1:3] for line in done.out.splitlines() if line.startswith("| ")][1:]
    assert [row[0].strip() for row in rows] == [
        "no scores",
        "without s_prior",
        "without s_edge",
        "without s_pos",
        "without s_neg",
        "all scores",
    ]
    assert {row[1].strip() for row in rows} == {"4"}
    assert "all scores (1 of 6): evaluating ..." in done.err
    assert len(list(folder.iterdir())) == 6
    base = read_run(folder / "base.json")
    assert (base.settings.preset, base.settings.protocol) == ("published", "m2n2")
    assert read_run(folder / "no-edge.json").details["parameters"]["edge_score"] is False


def test_rows_that_are_there_are_not_run_again(ablate, tmp_path, monkeypatch):
    words = ("--table", "figure4", "--sweep", "tau", "--folder", tmp_path / "rows")
    first = ablate(*words)
    assert first.code == 0
    monkeypatch.setattr("napari_m2n2.evaluation.work.click_object", None)
    assert ablate(*words).out == first.out


def test_without_a_folder_nothing_is_left(ablate, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    done = ablate("--table", "figure4", "--sweep", "tau", "--set", "tau=0.1")
    assert done.code == 0
    assert "### Figure 4: tau" in done.out
    assert sorted(tmp_path.rglob("*")) == before


def test_what_makes_no_sense_for_texture_is_said(ablate):
    done = ablate("--table", 1)
    assert done.code == 0
    assert "texture has no such blocks: they are those of Stable Diffusion." in done.out
    done = ablate("--table", "figure4", "--sweep", "timestep")
    assert "texture is no diffusion model and has no time step." in done.out


def test_a_row_that_cannot_be_run_is_left_out(ablate, monkeypatch):
    evaluate = evaluation.evaluate

    def refuse(cases, settings, output, **options):
        if settings.parameters.get("tau") == 0.7:
            raise InputError("This is too much; give less.")
        return evaluate(cases, settings, output, **options)

    monkeypatch.setattr(evaluation, "evaluate", refuse)
    done = ablate("--table", "figure4", "--sweep", "tau")
    assert done.code == 1
    assert "The row 0.7 was left out: This is too much; give less." in done.err
    assert "| 0.7 | 0 | – |" in done.out
    assert "| 0.5 | 4 |" in done.out


def test_an_image_without_a_mask_is_told_once(ablate, pairs):
    (pairs / "masks" / "1.png").unlink()
    done = ablate("--table", "figure4", "--sweep", "tau")
    assert done.code == 1
    assert done.err.count("has no mask of the same name") == 1
    assert "2 objects were evaluated, and 1 entry" in done.err
    assert "| 0.7 | 2 |" in done.out


def test_choices_that_cannot_be(ablate, command, tmp_path):
    assert "The backbone 'x' is unknown" in ablate("--table", 2, "--backbone", "x").sentence
    assert "those of m2n2, not of sam" in ablate("--table", 2, "--method", "sam").sentence
    done = command("ablate", "folders", tmp_path / "no", "--table", 2)
    assert "does not exist" in done.sentence
    (tmp_path / "file").write_text("")
    done = ablate("--table", 2, "--folder", tmp_path / "file" / "rows")
    assert "cannot be made" in done.sentence
    for words in (("--table", 3), (), ("--table", "figure4", "--sweep", "size")):
        assert ablate(*words).code == 2
