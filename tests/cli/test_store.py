"""`segment --store` and `doctor --clear-store`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from napari_m2n2.attention.disk import size_of
from napari_m2n2.attention.texture import Texture
from napari_m2n2.attention.usual import default_folder


@pytest.fixture
def calls(monkeypatch):
    """How often attention was computed for a whole plane."""
    made = []
    attend = Texture.attend

    def counted(self, rgb):
        if self.grid == 12:
            made.append(1)
        return attend(self, rgb)

    monkeypatch.setattr(Texture, "attend", counted)
    return made


@pytest.fixture
def usual(monkeypatch, tmp_path):
    monkeypatch.setenv("NAPARI_M2N2_STORE", str(tmp_path / "usual"))
    return tmp_path / "usual"


def test_the_second_time_nothing_is_computed(segment, work, calls):
    store = work.folder / "store"
    assert segment("--store", store).code == 0
    first = work.labels.read_bytes()
    assert segment("--store", store).code == 0
    assert work.labels.read_bytes() == first
    assert len(calls) == 1
    assert segment().code == 0
    assert len(calls) == 2


def test_the_usual_folder(segment, usual):
    assert segment().code == 0
    assert not usual.exists()
    assert segment("--store", "--json").code == 0
    assert size_of(usual) > 0


def test_a_store_that_cannot_be_used_costs_a_sentence_and_nothing_else(segment, work):
    (work.folder / "mine").mkdir()
    (work.folder / "mine" / "thesis.txt").write_text("")
    done = segment("--store", work.folder / "mine")
    assert done.code == 0
    assert work.labels.exists()
    sentences = [line for line in done.err.splitlines() if not line.endswith(" ...")]
    assert len(sentences) == 1
    assert sentences[0].startswith("napari-m2n2: The folder ")
    assert "thesis.txt" in sentences[0]


def test_doctor_shows_and_clears_it(segment, command, usual):
    segment("--store")
    size = size_of(usual)
    assert str(default_folder()) in command("doctor").out
    done = command("doctor", "--clear-store")
    assert done.code == 0
    assert done.out.startswith(f"{usual}: ")
    assert size_of(usual) == 0
    assert size > 0
    report = json.loads(command("doctor", "--json").out)
    assert {Path(cache["path"]): cache["size"] for cache in report["caches"]}[usual] == 0


def test_doctor_clears_another_folder_and_nothing_that_is_no_store(segment, command, work, usual):
    store = work.folder / "store"
    segment("--store", store)
    assert command("doctor", "--clear-store", store).code == 0
    assert size_of(store) == 0
    refused = command("doctor", "--clear-store", work.folder).sentence
    assert f"{work.folder} has files that are no attention" in refused
    assert work.points.exists()
    assert command("doctor", "--clear-store").out == f"{usual}: 0 B of attention deleted\n"
