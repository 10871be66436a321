"""The whole demo with its window, on whatever display there is or a private one."""

from __future__ import annotations

import subprocess
import sys

import imageio.v3


def test_demo_draws_its_window(tmp_path):
    command = [sys.executable, "-c", "import sys; from napari_m2n2.cli import main; main()"]
    done = subprocess.run(
        [*command, "demo", "--headless", tmp_path / "demo"],
        capture_output=True,
        text=True,
        check=False,
    )
    window = tmp_path / "demo" / "window.png"
    assert done.stdout.splitlines()[-1:] == [str(window)], done.stderr
    picture = imageio.v3.imread(window)
    assert picture.shape[0] > 500
    assert picture.shape[1] > 800
    assert len({tuple(pixel) for pixel in picture[::20, ::20, :3].reshape(-1, 3)}) > 100


def test_opengl_is_found_on_it():
    command = [sys.executable, "-m", "napari_m2n2.viewer.display"]
    done = subprocess.run(
        [*command, sys.executable, "-m", "napari_m2n2.viewer.opengl"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert '"renderer": "' in done.stdout
