"""Sessions that are killed while they are saved: nothing is lost but the last click."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import session_victim as victim

posix = pytest.mark.skipif(os.name != "posix", reason="forks and signals of POSIX")


@posix
def test_killed_at_50_random_moments_at_most_the_last_click_is_missing(tmp_path):
    ended = subprocess.run(
        [sys.executable, victim.__file__, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)
    assert told["kills"] == victim.KILLS
    assert set(told["missing"]) <= {0, 1}
    assert told["notes"] == []
    # they were killed in the middle of something, not all before it began
    assert sum(objects > 0 for objects in told["objects"]) >= victim.KILLS // 4
    assert len(set(told["objects"])) >= 2
