from __future__ import annotations

import getpass
import platform

import numpy as np

from napari_m2n2.bulk.jsontext import to_text
from napari_m2n2.evaluation import machine


def test_versions():
    found = machine.versions()
    assert found["numpy"] == np.__version__
    assert found["python"] == platform.python_version()
    assert "napari-m2n2" in found


def test_the_machine_without_its_name():
    for device in ("cpu", "auto"):
        found = machine.machine(device)
        assert found["cores"] >= 1
        assert found["memory_gb"] > 0
        assert found["device"].startswith(("cpu", "cuda"))
        assert platform.node() not in to_text(found).split('"')
        assert getpass.getuser() not in found.values()


def test_what_differs_is_told_of_both():
    one = {"torch": "2.1", "cores": 2}
    assert machine.joined({}, one) == one
    assert machine.joined(one, one) == one
    both = machine.joined(one, {"torch": "2.10", "cores": 2, "os": "x"})
    assert both == {"torch": "2.1; 2.10", "cores": 2, "os": "x"}
    assert machine.joined(both, one) == both
