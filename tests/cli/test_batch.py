"""`napari-m2n2 batch`, and `encode` of stacks."""

from __future__ import annotations

import json

import bulk_work
import numpy as np
import pytest
import tifffile

from napari_m2n2.bulk.engine import open_kept

QUICK = ("--grid", 10, "--device", "cpu", "--workers", 1)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr("napari_m2n2.parallel.run", bulk_work.run)
    return bulk_work.make_folder(tmp_path / "images")


@pytest.fixture
def records(folder):
    return folder / "records.jsonl"


def read(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_table(command, folder, records):
    done = command("batch", folder / "table.csv", "-o", records, *QUICK)
    assert done.code == 0, done
    assert done.out == f"{records}: labels of 2 of 2 images with 3 objects\n"
    assert done.err.startswith("napari-m2n2: segmenting ...\n")
    assert [entry["labels"] for entry in read(records)] == [
        str(folder / "plane_labels.tif"),
        str(folder / "stack_labels.tif"),
    ]


def test_the_same_prompts_for_a_folder(command, folder, records, tmp_path):
    (folder / "table.csv").write_text("axis-0,axis-1,label\n17,22,fg\n")
    (tmp_path / "labels").mkdir()
    done = command(
        *("batch", folder / "table.csv", "-o", records, "--images", folder),
        *("--labels", tmp_path / "labels", "--format", "nii.gz", *QUICK),
    )
    assert done.code == 0, done
    names = sorted(path.name for path in (tmp_path / "labels").iterdir())
    assert names == ["plane_labels.nii.gz", "stack_labels.nii.gz"]


def test_one_image_that_fails_is_named_once(command, folder, records):
    (folder / "table.csv").write_text("image,axis-0,axis-1,label\nnone.tif,17,22,fg\n")
    done = command("batch", folder / "table.csv", "-o", records, *QUICK)
    assert done.code == 1
    assert done.out == f"{records}: labels of 0 of 1 image with 0 objects\n"
    told = [line for line in done.err.splitlines() if not line.endswith(" ...")]
    assert told == [
        f"napari-m2n2: {folder / 'none.tif'} does not exist; check the name and the folder.",
        "napari-m2n2: 1 entry (objects, planes or whole images) could not be done; the records "
        "name each.",
    ]


def test_what_cannot_be_done_is_told_and_the_exit_code_is_1(command, folder, records):
    table = folder / "table.csv"
    table.write_text(table.read_text() + "none.tif,1,1,1,,fg\nstack.tif,9,0,99,99,fg\n")
    done = command("batch", table, "-o", records, *QUICK)
    assert done.code == 1
    assert done.out == f"{records}: labels of 2 of 3 images with 3 objects\n"
    told = done.err.splitlines()[1:]
    assert "stack.tif, plane 0, object 9: " in told[0]
    assert "outside" in told[0]
    assert told[1].startswith(f"napari-m2n2: {folder / 'none.tif'} does not exist")
    assert told[2] == (
        "napari-m2n2: 2 entries (objects, planes or whole images) could not be done; the records "
        "name each."
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--method", "x"), "'x' is unknown"),
        (("--grid", 0), "grid=0"),
        (("--labels", "nowhere"), "The folder nowhere does not exist"),
        (("--images", "nowhere"), "nowhere does not exist"),
        (("--workers", 0), "0 worker processes cannot be"),
    ],
)
def test_what_cannot_be_is_one_sentence(command, folder, records, monkeypatch, arguments, words):
    monkeypatch.undo()
    done = command("batch", folder / "table.csv", "-o", records, "--device", "cpu", *arguments)
    assert words in done.sentence
    assert not records.exists()


def test_files_that_are_neither_table_nor_session(command, folder, records):
    assert "no session file" in command("batch", folder / "plane.tif", "-o", records).sentence
    assert "does not exist" in command("batch", folder / "no.csv", "-o", records).sentence


def test_with_a_store_the_second_batch_finds_attention(command, folder, records, tmp_path):
    store = tmp_path / "store"
    given = ("batch", folder / "table.csv", "-o", records, "--store", store, *QUICK)
    assert command(*given).code == 0
    there = sorted(path.name for path in store.rglob("*.safetensors"))
    first = tifffile.imread(folder / "stack_labels.tif")
    records.unlink()
    assert command(*given, "--overwrite").code == 0
    assert sorted(path.name for path in store.rglob("*.safetensors")) == there
    np.testing.assert_array_equal(tifffile.imread(folder / "stack_labels.tif"), first)


def test_encoding_a_folder(command, folder, tmp_path):
    store = tmp_path / "store"
    given = ("encode", folder, "--store", store, *QUICK)
    done = command(*given)
    assert done.code == 0, done
    assert done.out.startswith(f"{store}: 4 planes encoded and 1 there before, of 5 in 2 files (")
    assert done.err.startswith("napari-m2n2: encoding ...\n")
    done = command(*given)
    assert "0 planes encoded and 5 there before" in done.out


def test_across_another_axis_and_on_a_cluster(command, folder, tmp_path, monkeypatch):
    asked = {}

    def run(work, tasks, **options):
        asked.update(options)
        return bulk_work.run(work, tasks[:2], tick=options["tick"])

    monkeypatch.setattr("napari_m2n2.parallel.run", run)
    where = ("--axis", "Y", "--scheduler", "tcp://10.0.0.1:8786")
    store = ("--store", tmp_path / "store")
    done = command("encode", folder / "stack.tif", *store, *where, "--grid", 10)
    assert done.code == 0, done
    assert "2 planes encoded and 0 there before, of 40 in 1 file" in done.out
    assert asked["scheduler"] == "tcp://10.0.0.1:8786"
    # how many there are is for the cluster to say
    assert asked["workers"] is None


def test_encoding_tells_what_it_cannot_read(command, folder, tmp_path):
    (folder / "broken.tif").write_bytes(b"no TIFF file")
    done = command("encode", folder, "--store", tmp_path / "store", *QUICK)
    assert done.code == 1
    assert "4 planes encoded" in done.out
    broken = f"napari-m2n2: {folder / 'broken.tif'} is no TIFF file"
    assert done.err.count("broken.tif") == done.err.count(broken) == 1
    assert done.err.endswith("could not be encoded; the same command tries again.\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--index", 1), "--index is for --export"),
        (("another.tif", "--export", "a.npz"), "--export takes one image"),
        (("--export", "a.npz", "--axis", "Z"), "--axis needs --index"),
    ],
)
def test_options_that_do_not_fit_together(command, folder, arguments, words):
    done = command("encode", folder / "stack.tif", *arguments)
    assert done.code == 2
    assert words in done.err


def test_a_disk_that_is_full(command, folder, tmp_path, monkeypatch):
    def full(*_args):
        raise OSError(28, "No space left on device")

    open_kept.cache_clear()
    monkeypatch.setattr("napari_m2n2.bulk.encoding._segmenters", {})
    store = tmp_path / "store"
    with monkeypatch.context() as broken:
        broken.setattr("napari_m2n2.attention.entries.write", full)
        done = command("encode", folder / "stack.tif", "--store", store, *QUICK)
    assert done.code == 1
    assert done.out.startswith(f"{store}: 0 planes encoded and 0 there before, of 4 in 1 file (")
    told = [line for line in done.err.splitlines() if not line.endswith(" ...")]
    assert told == [
        f"napari-m2n2: The attention store {store} cannot be written (the disk is full), so "
        "attention is kept in memory only; free some room, or clear it with napari-m2n2 doctor "
        "--clear-store.",
        "napari-m2n2: 4 planes could not be kept there; mend that, and the same command goes on.",
    ]
    open_kept.cache_clear()
    monkeypatch.setattr("napari_m2n2.bulk.encoding._segmenters", {})
    done = command("encode", folder / "plane.tif", "--store", store, *QUICK)
    assert done.code == 0
    assert done.out.startswith(f"{store}: 1 plane encoded and 0 there before, of 1 in 1 file (")


def test_a_store_of_another_version(command, folder, tmp_path):
    store = tmp_path / "store"
    store.mkdir()
    mark = '{"kind": "napari-m2n2 attention store", "version": 99}'
    (store / "napari-m2n2-store.json").write_text(mark)
    done = command("encode", folder, "--store", store, *QUICK)
    assert "was made by another version" in done.sentence
    # who does not depend on it goes on
    records = folder / "r.jsonl"
    done = command("batch", folder / "table.csv", "-o", records, "--store", store, *QUICK)
    assert done.code == 0
    assert done.err.count("was made by another version") == 1
    assert (store / "napari-m2n2-store.json").read_text() == mark


def test_a_store_that_holds_other_files(command, folder, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    done = command("encode", folder, "--store", tmp_path, *QUICK)
    assert str(tmp_path) in done.sentence


def test_a_batch_says_once_that_a_store_cannot_be_used(command, folder, records, tmp_path, caplog):
    (tmp_path / "thesis.txt").write_text("mine")
    given = ("batch", folder / "table.csv", "-o", records, "--store", tmp_path, *QUICK)
    done = command(*given)
    assert done.code == 0
    assert "2 of 2 images" in done.out
    (told,) = [line for line in done.err.splitlines() if not line.endswith(" ...")]
    assert told.startswith("napari-m2n2: ")
    assert str(tmp_path) in told
    assert not caplog.records
