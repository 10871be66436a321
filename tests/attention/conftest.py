"""A hub of our own, and a home for weights that is empty."""

from __future__ import annotations

import pytest
from extras import load
from fake_hub import FakeHub
from no_network import keep_weights_in


@pytest.fixture
def home(tmp_path, monkeypatch):
    """The folder of HF_HOME, empty; huggingface_hub is not loaded for it."""
    return keep_weights_in(tmp_path / "home", monkeypatch)


@pytest.fixture
def hub(home, monkeypatch):
    """A server that huggingface_hub takes for the hub."""
    constants = load("huggingface_hub.constants", "models")
    from huggingface_hub import file_download

    server = FakeHub()
    monkeypatch.setattr(constants, "ENDPOINT", server.url)
    monkeypatch.setattr(
        constants,
        "HUGGINGFACE_CO_URL_TEMPLATE",
        server.url + "/{repo_id}/resolve/{revision}/{filename}",
    )
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(home / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    # so that a part of a small file has come when a connection is cut, and without waiting after
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 1000)
    monkeypatch.setattr(file_download.time, "sleep", lambda _seconds: None)
    yield server
    server.close()
