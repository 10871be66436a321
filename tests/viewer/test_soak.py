"""Users who do anything at random, for as long as hundreds of actions.

The environment variable M2N2_SOAK_SEEDS says how many of them there are, by default one.
"""

from __future__ import annotations

import os
from collections import Counter

import numpy as np
import psutil
import pytest

from napari_m2n2.viewer.keeping import Keeping
from napari_m2n2.viewer.kept import FILE

from .soaking import ACTIONS, SHAPE, User

COUNT = 500
MOST_GROWTH = 200 << 20
"""Bytes of resident memory."""

done = Counter()


def image_in(viewer, folder):
    """Add a stack whose session is to be saved in a folder."""
    file = folder / "stack.tif"
    file.touch()
    pixels = np.random.default_rng(0).random(SHAPE).astype(np.float32)
    return viewer.add_image(pixels, name="stack", metadata={FILE: str(file)})


def soak(user, actions):
    """Do things at random; return by how many bytes that made the process grow."""
    process = psutil.Process()
    for _ in range(actions // 10):
        user.act()
    before = process.memory_info().rss
    for _ in range(actions - actions // 10):
        user.act()
    assert user.compared > actions // 50
    user.flush()
    user.check("flush", *[user.pair.writer.previews.committed()] * 2)
    done.update(user.done)
    return process.memory_info().rss - before


@pytest.mark.parametrize("seed", range(int(os.environ.get("M2N2_SOAK_SEEDS", "1"))))
def test_500_random_actions(controller, model, tmp_path, seed):
    keeping = Keeping(controller)
    user = User(controller, keeping, image_in(model, tmp_path), seed)
    try:
        assert soak(user, COUNT) < MOST_GROWTH
    finally:
        keeping.close()


def test_random_actions_in_a_real_window(viewer, widget, tmp_path):
    image = image_in(viewer.__wrapped__, tmp_path)
    user = User(widget.controller, widget.keeping, image, 1000)
    assert soak(user, COUNT // 4) < MOST_GROWTH


def test_everything_that_a_user_can_do_was_done():
    """Of the tests above; alone, this one has nothing to say."""
    if done:
        assert set(done) == set(ACTIONS)
