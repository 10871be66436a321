"""Starting costs next to nothing: what heavy libraries cost is paid by the first job."""

from __future__ import annotations

import json
import subprocess
import sys

PROGRAM = """
import json, sys, time
began = time.perf_counter()
import napari_m2n2
ours = time.perf_counter() - began
modules = len(sys.modules)
began = time.perf_counter()
import numpy
print(json.dumps([ours, time.perf_counter() - began, modules]))
"""


def start():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=120
    )
    return json.loads(done.stdout)


def test_importing_the_package_is_faster_than_importing_numpy():
    runs = [start() for _ in range(3)]
    assert min(ours for ours, _, _ in runs) < min(numpy for _, numpy, _ in runs)


def test_importing_the_package_loads_few_modules():
    # an interpreter that has done nothing holds 30 to 80; importlib.metadata brings the rest
    assert start()[2] < 200
