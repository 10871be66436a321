"""Images with a bright square, prompts for it, and work done in this process."""

from __future__ import annotations

import bulk_work
import pytest


@pytest.fixture
def in_process(monkeypatch):
    """Do tasks in this process, since to start others takes seconds; gives those begun."""
    begun = []

    def run(work, tasks, **options):
        def noted(task):
            begun.append(task)
            return work(task)

        return bulk_work.run(noted, tasks, **options)

    monkeypatch.setattr("napari_m2n2.parallel.run", run)
    return begun


@pytest.fixture
def folder(tmp_path):
    """A folder with plane.tif, stack.tif of 4 planes, and table.csv with prompts for both."""
    return bulk_work.make_folder(tmp_path / "images")
