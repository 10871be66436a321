"""A real window that is killed while somebody works in it, again and again."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from contextlib import closing

import numpy as np
import pytest
import tifffile
from qtpy.QtTest import QTest

from napari_m2n2.annotation.places import session_path
from napari_m2n2.annotation.resume import resume
from napari_m2n2.viewer.app import add_file

from . import window_victim as victim
from .conftest import disc, dock
from .mouse import LEFT

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")

KILLS = 3


@pytest.fixture
def file(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 255, victim.SIZE, dtype=np.uint8)
    tifffile.imwrite(tmp_path / "cells.tif", pixels, photometric="minisblack")
    return tmp_path / "cells.tif"


def work_until_killed(file, moments):
    """Have somebody annotate until a random moment; return how many things were certainly done."""
    errors = file.with_name("errors.txt")
    with (
        errors.open("w") as stderr,
        subprocess.Popen(
            [sys.executable, victim.__file__, str(file)],
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        ) as process,
    ):
        told = []
        for _ in range(moments.randint(4, 9)):
            told.append((process.stdout.readline(), time.monotonic()))
        (_, first), (_, second) = told[-2:]
        time.sleep(moments.uniform(0, 1.5 * (second - first)))
        process.kill()
        rest = process.stdout.read()
    assert process.returncode == -9, errors.read_text()
    *_, last = ("".join(line for line, _ in told) + rest).split()
    return int(last)


def labels_of(session):
    """What a session's objects look like."""
    labels = np.zeros(victim.SIZE, int)
    for known in session.objects:
        labels[disc(victim.SIZE, *victim.points_of(known))] = known.value
    return labels


def check(found):
    """Look that a session is what somebody did, up to some moment."""
    assert found.notes == ()
    session = found.session
    on_disk = np.zeros(victim.SIZE, int) if found.labels is None else found.labels
    assert np.array_equal(on_disk, labels_of(session))
    everything = [victim.points_of(known) for known in (*session.objects, session.work)]
    for number, points in enumerate(everything):
        assert len(points) == 2 or number == len(session.objects)
        for point, wanted in zip(points, victim.places(number), strict=False):
            assert point == pytest.approx(wanted, abs=0.6)


def test_killed_again_and_again_at_most_the_last_click_is_missing(file, viewer, discs, qtbot):
    moments, before = random.Random(10), 0
    for _ in range(KILLS):
        last = work_until_killed(file, moments)
        found = resume(session_path(file))
        assert before < last <= victim.acts_in(found.session) <= last + 1
        before = last
        check(found)
    # and here, where all of it comes back
    add_file(viewer.__wrapped__, file)
    widget = dock(viewer, discs)
    with closing(widget.controller):
        assert widget.session.offer.isVisibleTo(widget)
        QTest.mouseClick(widget.session.resume, LEFT)
        controller = widget.controller
        assert tuple(controller.table) == found.session.objects
        work = victim.points_of(found.session.work)
        assert [tuple(point) for point in controller.current.prompts.data] == work
        qtbot.waitUntil(lambda: not controller._outliner.busy, timeout=5000)
        labels = controller.current.writer.previews.committed()
        assert np.array_equal(labels, labels_of(found.session))
