"""Keeping tests away from the weights of whoever runs them, and from the network."""

from __future__ import annotations

VARIABLES = (
    "HF_HUB_CACHE",
    "HUGGINGFACE_HUB_CACHE",
    "HF_ASSETS_CACHE",
    "HUGGINGFACE_ASSETS_CACHE",
    "HF_HUB_OFFLINE",
    "TRANSFORMERS_OFFLINE",
    "XDG_CACHE_HOME",
    "NAPARI_M2N2_STORE_LIMIT",
)


def keep_weights_in(folder, monkeypatch):
    """Make a folder the place of all weights and of attention, by the variables that users set."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(folder))
    monkeypatch.setenv("NAPARI_M2N2_STORE", str(folder / "store"))
    return folder
