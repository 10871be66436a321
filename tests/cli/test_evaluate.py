"""`napari-m2n2 evaluate`, from the command line to the run file and the table."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from made_sets import QUICK, make_set

from napari_m2n2.evaluation import datasets, work
from napari_m2n2.evaluation.runs import read_run


@pytest.fixture
def evaluate(command, in_process, pairs, tmp_path):
    """Runs `evaluate folders PAIRS` quickly, into run.json, with further arguments."""

    def run(*arguments):
        return command("evaluate", "folders", pairs, *QUICK, "--json", run.output, *arguments)

    run.output = tmp_path / "run.json"
    return run


def test_table_and_run_file(evaluate, pairs):
    done = evaluate("--workers", 1)
    assert done.code == 0
    head, line = done.out.splitlines()
    for name in ("dataset", "objects", "IoU@1", "IoU@3", "NoC@85", "NoC@90", "click s"):
        assert name in head
    assert "IoU@5" not in head
    assert line.split()[:2] == ["pairs", "4"]
    assert all(text.endswith(" ...") for text in done.err.splitlines())
    found = read_run(evaluate.output)
    assert [(r.image, r.object) for r in found.objects] == [
        ("0", "1"),
        ("0", "2"),
        ("1", "1"),
        ("1", "2"),
    ]
    assert found.source == {"dataset": "folders", "path": str(pairs), "options": {}}
    assert (found.settings.grid, found.settings.clicks) == (12, 3)
    assert (found.settings.protocol, found.settings.preset) == ("ritm", "default")
    assert not Path(f"{evaluate.output}.journal").exists()


def test_every_option_reaches_the_run(evaluate):
    done = evaluate(
        *("--protocol", "m2n2", "--preset", "published", "--method", "m2n2-no-flood"),
        *("--set", "tau=0.4", "--set", "upsampling=fast", "--set", "stretch-guide=True"),
        *("--per-image", 1, "--data", "domain=microscopy", "--device", "cpu"),
    )
    assert done.code == 0, done.err
    found = read_run(evaluate.output)
    assert found.settings.parameters == {"tau": 0.4, "upsampling": "fast", "stretch_guide": True}
    assert (found.settings.method, found.settings.device) == ("m2n2-no-flood", "cpu")
    assert found.details["parameters"]["tau"] == 0.4
    assert len(found.objects) == 2
    assert {r.domain for r in found.objects} == {"microscopy"}
    assert found.source["options"] == {"domain": "microscopy", "per_image": 1}


def test_a_peer(evaluate):
    assert evaluate("--method", "geodesic").code == 0
    assert len(read_run(evaluate.output).objects) == 4


def test_without_a_run_file_the_table_is_printed_and_nothing_is_left(
    command, in_process, pairs, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    done = command("evaluate", "folders", pairs, *QUICK)
    assert done.code == 0
    assert "pairs" in done.out
    assert "were not kept; --json RUN.json keeps them." in done.err
    assert sorted(tmp_path.rglob("*")) == before


def test_an_index_and_a_choice_of_its_data_sets(command, in_process, tmp_path):
    rows = []
    for name in ("cells", "leaves", "bones"):
        folder = make_set(tmp_path / name)
        rows += [
            (name, "medical", "instance", "", f"{name}/images/{i.name}", f"{name}/masks/{i.name}")
            for i in sorted((folder / "images").iterdir())
        ]
    index, output = tmp_path / "index.csv", tmp_path / "run.json"
    with index.open("w", newline="") as file:
        csv.writer(file).writerows(
            [("dataset", "domain", "kind", "object", "image", "mask"), *rows]
        )
    words = ("evaluate", "index", index, "--only", "cells,bones", *QUICK, "--json", output)
    done = command(*words)
    assert done.code == 0
    assert [line.split()[0] for line in done.out.splitlines()[1:]] == ["cells", "bones"]
    assert list(read_run(output).summary) == ["cells", "bones"]
    assert read_run(output).source["options"] == {"only": "cells,bones"}
    refused = command("evaluate", "index", index, "--only", "cells,books", "--json", output)
    assert "has no dataset books; it has cells, leaves, bones" in refused.sentence


def test_a_row_without_an_image_is_told_by_its_data_set(command, in_process, tmp_path):
    make_set(tmp_path / "cells")
    rows = ("cells,,instance,,cells/images/0.png,cells/masks/0.png", "cells,,instance,,,0.png")
    index = tmp_path / "index.csv"
    index.write_text("\n".join(["dataset,domain,kind,object,image,mask", *rows]))
    done = command("evaluate", "index", index, *QUICK)
    assert done.code == 1
    assert f"napari-m2n2: cells: {index}, line 3: the mask 0.png has no image" in done.err


def test_a_path_among_the_options_is_kept_whole(command, in_process, pairs, tmp_path, monkeypatch):
    monkeypatch.chdir(pairs)
    output = tmp_path / "run.json"
    words = ("images/0.png", "--data", "mask=masks/0.png", "--data", "labels=2")
    done = command("evaluate", "image", *words, *QUICK, "--json", output)
    assert done.code == 0, done.err
    found = read_run(output)
    assert found.source["path"] == str(pairs / "images" / "0.png")
    assert found.source["options"]["mask"] == str(pairs / "masks" / "0.png")
    assert len(found.objects) == 1


def test_a_bad_image_among_good_ones(evaluate, pairs):
    (pairs / "masks" / "0.png").unlink()
    done = evaluate()
    assert done.code == 1
    assert len(done.out.splitlines()) == 2
    sentences = [line for line in done.err.splitlines() if not line.endswith(" ...")]
    assert "pairs, 0: " in sentences[0]
    assert "has no mask of the same name" in sentences[0]
    assert sentences[1] == (
        "napari-m2n2: 2 objects were evaluated, and 1 entry (objects or whole images) could not "
        "be; the run file names each."
    )
    found = read_run(evaluate.output)
    assert (len(found.objects), len(found.failures)) == (2, 1)


def test_mended_files_are_added_by_the_same_command(evaluate, pairs, monkeypatch):
    mask = pairs / "masks" / "0.png"
    content = mask.read_bytes()
    mask.write_bytes(b"no picture")
    assert evaluate().code == 1
    mask.write_bytes(content)
    assert evaluate().code == 0
    assert len(read_run(evaluate.output).objects) == 4


def test_many_failures_are_counted_and_the_first_are_named(command, in_process, tmp_path):
    folder = make_set(tmp_path / "many", count=13)
    for mask in sorted((folder / "masks").iterdir())[:12]:
        mask.unlink()
    done = command("evaluate", "folders", folder, *QUICK)
    assert done.code == 1
    assert done.err.count("has no mask of the same name") == 10
    assert "2 objects were evaluated, and 12 entries (objects or whole images) could" in done.err


def test_nothing_that_can_be_evaluated(evaluate, pairs):
    for mask in (pairs / "masks").iterdir():
        mask.write_bytes(b"no picture")
    done = evaluate()
    assert done.code == 1
    assert done.out == ""
    assert "0 objects were evaluated, and 2 entries" in done.err


# ------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--method", "nonsense"), "The method 'nonsense' is unknown; choose one of m2n2,"),
        (("--backbone", "nonsense"), "The backbone 'nonsense' is unknown"),
        (("--preset", "nonsense"), "The preset 'nonsense' is unknown"),
        (("--protocol", "nonsense"), "There is no protocol 'nonsense'; choose one of m2n2, ritm"),
        (("--device", "nonsense"), "The device 'nonsense' is unknown"),
        (("--clicks", 0), "0 clicks cannot be; give 1 or more."),
        (("--grid", 0), "grid=0 cannot be"),
        (("--per-image", 0), "per_image=0 is not possible"),
        (("--set", "tau"), "--set 'tau' cannot be read; write NAME=VALUE."),
        (("--set", "tau=2"), "tau=2 cannot be"),
        (("--set", "nonsense=2"), "The parameter 'nonsense' is unknown"),
        (("--data", "=5"), "--data '=5' cannot be read"),
        (("--data", "colour=5"), "The dataset folders has no option colour"),
        (("--only", "cells"), "The dataset folders has no option only"),
        (("--timestep", "5000"), "timestep=5000 cannot be"),
    ],
)
def test_choices_that_cannot_be(evaluate, arguments, sentence):
    assert sentence in evaluate(*arguments).sentence
    assert not evaluate.output.exists()


def test_data_sets_and_paths_that_are_not_there(command, tmp_path):
    done = command("evaluate", "nonsense", tmp_path)
    assert "The dataset 'nonsense' is unknown; choose one of grabcut," in done.sentence
    done = command("evaluate", "folders", tmp_path / "no")
    assert f"{tmp_path / 'no'} does not exist" in done.sentence
    assert "data_GT does not exist" in command("evaluate", "grabcut", tmp_path).sentence


def test_weights_that_are_not_there_are_said_once(evaluate, tmp_path):
    (tmp_path / "empty").mkdir()
    words = ("--backbone", "stable-diffusion-2", "--weights", tmp_path / "empty")
    done = evaluate(*words, "--device", "cpu")
    assert "empty has no unet/diffusion_pytorch_model.safetensors" in done.sentence
    assert not evaluate.output.exists()


def test_outputs_that_cannot_be(evaluate, tmp_path):
    assert "does not exist; make it first" in evaluate("--json", tmp_path / "no/r.json").sentence
    assert "is a folder" in evaluate("--json", tmp_path).sentence
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pairs"]


@pytest.mark.parametrize("change", ["version", "damaged", "foreign", "settings"])
def test_a_run_file_of_another_kind_is_not_touched(evaluate, change):
    evaluate()
    text = evaluate.output.read_text()
    if change == "version":
        text = text.replace('"format": 1', '"format": 99')
    elif change == "damaged":
        text = text[:200]
    elif change == "foreign":
        text = "{}"
    evaluate.output.write_text(text)
    done = evaluate(*(["--set", "tau=0.5"] if change == "settings" else []))
    sentences = {
        "version": "is a run of format 99 and this version reads format 1",
        "damaged": "is damaged or no JSON",
        "foreign": "is not a run of this program",
        "settings": "is of an evaluation with other settings (parameters)",
    }
    assert sentences[change] in done.sentence
    assert evaluate.output.read_text() == text


@pytest.mark.parametrize("words", [(), ("folders",), ("--clicks", "many", "folders", "x")])
def test_wrong_command_lines(command, words):
    done = command("evaluate", *words)
    assert done.code == 2
    assert "usage: napari-m2n2 evaluate" in done.err


# ------------------------------------------------------------ list, interruption, processes


def test_the_list_of_data_sets(command):
    text = command("evaluate", "--list").out
    for name in datasets.names():
        assert f"{name}: {datasets.describe(name).title}" in text
        assert datasets.describe(name).licence in text
    alone = command("evaluate", "--list", "index").out
    assert alone.startswith("index: ")
    assert "--only …" in alone
    assert "grabcut:" not in alone
    assert "unknown" in command("evaluate", "--list", "nonsense").sentence


def test_an_interrupted_run_goes_on(evaluate, monkeypatch):
    clicked = []
    click_object = work.click_object

    def interrupt(*arguments, **options):
        if len(clicked) == 2:
            raise KeyboardInterrupt
        clicked.append(arguments)
        return click_object(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(work, "click_object", interrupt)
        done = evaluate()
    assert done.code == 130
    journal = Path(f"{evaluate.output}.journal")
    assert done.err.splitlines()[-1] == (
        f"napari-m2n2: Interrupted; what is done is kept in {journal}, and the same command goes "
        "on from there."
    )
    assert journal.exists()
    with monkeypatch.context() as patch:
        patch.setattr(
            work, "click_object", lambda *a, **o: clicked.append(a) or click_object(*a, **o)
        )
        assert evaluate().code == 0
    assert len(clicked) == 4
    assert not journal.exists()
    assert len(read_run(evaluate.output).objects) == 4


@pytest.mark.parametrize("kept", [False, True])
def test_where_nothing_was_kept_an_interruption_promises_nothing(
    command, in_process, pairs, tmp_path, monkeypatch, kept
):
    def interrupt(*_arguments, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr(work, "click_object", interrupt)
    place = ("--json", tmp_path / "run.json") if kept else ()
    done = command("evaluate", "folders", pairs, *QUICK, *place)
    assert done.code == 130
    assert "goes on" not in done.err
    assert not list(tmp_path.glob("run.json*"))


def test_processes_of_its_own(command, pairs, tmp_path):
    output = tmp_path / "run.json"
    words = ("evaluate", "folders", pairs, *QUICK, "--workers", 2, "--json", output)
    assert command(*words).code == 0
    assert len(read_run(output).objects) == 4


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one process")
def test_ctrl_c_with_processes(pairs, tmp_path):
    output = tmp_path / "run.json"
    code = "import sys; from napari_m2n2.cli import main; sys.exit(main())"
    words = ["evaluate", "folders", str(pairs), "--json", str(output), "--workers", "1"]
    with subprocess.Popen(
        [sys.executable, "-c", code, *words], stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr.readline().startswith("napari-m2n2: evaluating")
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
        assert process.wait() == 130
    assert ("goes on from there" in rest) == Path(f"{output}.journal").exists()
    assert "Traceback" not in rest
    assert not output.exists()


def test_the_run_file_is_json_with_the_keys_of_the_manual(evaluate):
    evaluate()
    entries = json.loads(evaluate.output.read_text())
    manual = (Path(__file__).parents[2] / "docs" / "evaluation.md").read_text(encoding="utf-8")
    for key in (*entries, *entries["objects"][0], *entries["summary"]["pairs"]):
        assert f"`{key}`" in manual, key
