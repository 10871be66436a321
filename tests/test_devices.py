"""Devices by name, and their memory."""

from __future__ import annotations

import psutil
import pytest
import torch

from napari_m2n2 import devices
from napari_m2n2.errors import InputError


@pytest.fixture
def two_gpus(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda name: (int(name[-1]) + 1, 10))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda name: f"GPU {name[-1]}")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


@pytest.mark.usefixtures("no_gpu")
def test_without_a_gpu():
    assert devices.resolve() == "cpu"
    assert devices.resolve(" CPU ") == "cpu"
    with pytest.raises(InputError, match=r"cuda is not there \(torch finds no CUDA device\); use"):
        devices.resolve("cuda")
    with pytest.raises(InputError, match=r"mps is not there \(no Apple GPU\); use auto or cpu"):
        devices.resolve("mps")


@pytest.mark.usefixtures("two_gpus")
def test_with_two_gpus():
    assert devices.resolve("auto") == "cuda:0"
    assert devices.resolve("cuda") == "cuda:0"
    assert devices.resolve("CUDA:1") == "cuda:1"
    with pytest.raises(InputError, match=r"cuda:2 is not there \(torch finds 2 CUDA devices\)"):
        devices.resolve("cuda:2")
    assert devices.memory("cuda:1") == (10, 2)
    assert [(d.name, d.title) for d in devices.available()[:2]] == [
        ("cuda:0", "GPU 0"),
        ("cuda:1", "GPU 1"),
    ]
    assert devices.available()[2].name == "cpu"


def test_apple_gpu_only_when_asked_for(monkeypatch, no_gpu):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert devices.resolve("auto") == "cpu"
    assert devices.resolve("mps") == "mps"
    assert [d.name for d in devices.available()] == ["cpu", "mps"]


@pytest.mark.parametrize("name", ["", "gpu", "cuda:", "cuda:-1", "cuda:x", "cpu:0", "xpu"])
def test_unknown_names(name):
    with pytest.raises(InputError, match="is unknown; use auto, cpu, cuda, cuda:N or mps"):
        devices.resolve(name)


def test_memory_of_this_computer():
    total, free = devices.memory("cpu")
    assert total == psutil.virtual_memory().total
    assert 0 < free < total
