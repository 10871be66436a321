from __future__ import annotations

from pathlib import Path

import pytest

from napari_m2n2.attention import usual
from napari_m2n2.attention.usual import default_folder, default_limit
from napari_m2n2.errors import InputError


def test_where_it_lies_where_nothing_is_said(monkeypatch, tmp_path):
    monkeypatch.setenv("NAPARI_M2N2_STORE", str(tmp_path))
    assert default_folder() == tmp_path
    monkeypatch.delenv("NAPARI_M2N2_STORE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    for platform, folder in (
        ("linux", tmp_path / "caches"),
        ("win32", tmp_path / "local"),
        ("darwin", Path("~/Library/Caches").expanduser()),
    ):
        monkeypatch.setattr(usual.sys, "platform", platform)
        assert default_folder() == folder / "napari-m2n2" / "attention"


def test_the_limit_where_nothing_is_said(monkeypatch):
    monkeypatch.delenv("NAPARI_M2N2_STORE_LIMIT", raising=False)
    assert default_limit() == usual.DEFAULT_LIMIT
    monkeypatch.setenv("NAPARI_M2N2_STORE_LIMIT", "2.5")
    assert default_limit() == 2_500_000_000
    for text in ("much", "-1", "0", "inf", "nan"):
        monkeypatch.setenv("NAPARI_M2N2_STORE_LIMIT", text)
        with pytest.raises(InputError, match="give gigabytes"):
            default_limit()
