"""A session to be killed: ``python session_victim.py FOLDER``.

It is begun again and again, killed at a random moment, and opened again; how it went is told as
JSON. It writes the number of each thing it is about to do to a log, as a screen would show it, and
does the next thing no sooner than the last one is on the disk, as people are slower than disks.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import numpy as np
from desk import Desk

from napari_m2n2.annotation.autosave import Autosave
from napari_m2n2.annotation.resume import resume

KILLS = 50
ACTIONS = 40
SEED = 3


def script(path, log):
    """Annotate at random, the same each time."""
    autosave = Autosave(path)
    desk = Desk(SEED, autosave)
    stream = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for number in range(1, ACTIONS + 1):
        os.write(stream, f"{number}\n".encode())
        desk.act()
        autosave.flush()
    autosave.close()


def states():
    """Return the document and the labels after none, one, two ... things done."""
    desk = Desk(SEED)
    found = [(desk.session, desk.labels.copy())]
    for _ in range(ACTIONS):
        desk.act()
        found.append((desk.session, desk.labels.copy()))
    return found


def run_and_kill(path, log, seconds):
    """Return whether it was killed before it came to its end."""
    process = os.fork()
    if not process:
        script(path, log)
        os._exit(0)
    time.sleep(seconds)
    os.kill(process, signal.SIGKILL)
    return not os.WIFEXITED(os.waitpid(process, 0)[1])


def matches(found, state):
    """Tell whether what was opened is a state, to the last click and pixel."""
    session, labels = state
    on_disk = np.zeros_like(labels) if found.labels is None else found.labels
    return found.session.same == session and np.array_equal(on_disk, labels)


def opened_again(path, log, expected):
    """Return how many things that were begun are missing, and how many objects were found."""
    begun = len(log.read_text().splitlines()) if log.exists() else 0
    if not path.exists():
        return begun, 0, []
    found = resume(path)
    for missing in range(begun + 1):
        if matches(found, expected[begun - missing]):
            break
    else:
        missing = -1
    # going on must work too: what is on the disk is taken over and kept
    again = Autosave(path, found.session)
    again.submit(found.session)
    again.close()
    after = resume(path)
    same = after.session.same == found.session.same
    whole = after.notes == () and (
        found.labels is None or np.array_equal(after.labels, found.labels)
    )
    return missing, len(found.session.objects), [*found.notes, *([] if same and whole else ["!"])]


def main(folder):
    expected = states()
    began = time.monotonic()
    script(folder / "whole.m2n2.json", folder / "whole.log")
    seconds = time.monotonic() - began
    moments = random.Random(50)
    told = {"kills": 0, "missing": [], "objects": [], "notes": [], "left": 0}
    for attempt in range(4 * KILLS):
        place = folder / f"{attempt}"
        place.mkdir()
        path, log = place / "cells.m2n2.json", place / "log"
        if not run_and_kill(path, log, moments.uniform(0, seconds)):
            continue
        told["kills"] += 1
        missing, objects, notes = opened_again(path, log, expected)
        told["missing"].append(missing)
        told["objects"].append(objects)
        told["notes"] += notes
        if told["kills"] == KILLS:
            break
    return told


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))
