"""An evaluation to be killed: ``python evaluation_victim.py run|kill OUTPUT LOG [SECONDS]``.

"run" evaluates; "kill" does so again and again, killed at random moments of a run that
would take so many seconds, and says how it went.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

from evaluation_fakes import discs, squares

from napari_m2n2.evaluation.journal import Journal
from napari_m2n2.evaluation.run import evaluate
from napari_m2n2.evaluation.runs import Settings

KILLS = 20
IMAGES = 10
CLICKS = 4


def settings(log):
    return Settings(clicks=CLICKS, device="cpu", parameters={"sleep": 0.02, "log": str(log)})


def run(output, log):
    evaluate(squares(IMAGES), settings(log), output, workers=2, create=discs)


def run_and_kill(output, log, seconds):
    """Return whether a process that was killed after so many seconds got to its end before."""
    process = os.fork()
    if not process:
        run(output, log)
        os._exit(0)
    time.sleep(seconds)
    os.kill(process, signal.SIGKILL)
    return os.WIFEXITED(os.waitpid(process, 0)[1])


def journalled(output, log):
    """Return the objects on the disk."""
    with Journal(output, settings(log), {}) as journal:
        return [(record.image, record.object) for record in journal.records]


def kill_again_and_again(folder, log, seconds):
    """Kill evaluations until there were enough kills, and finish the last one."""
    moments = random.Random(20)
    kills, lost, twice, grown, finished = 0, [], [], 0, 0
    output, known = folder / "0.json", []
    while kills < KILLS:
        if run_and_kill(output, log, moments.uniform(0, 0.75 * seconds)):
            finished += 1
            output, known = folder / f"{finished}.json", []
            continue
        kills += 1
        if output.exists():
            continue
        found = journalled(output, log)
        lost += [key for key in known if key not in found]
        twice += [key for key in found if found.count(key) > 1]
        grown += len(found) > len(known)
        known = found
    run(output, log)
    return {"kills": kills, "lost": lost, "twice": twice, "grown": grown, "runs": finished + 1}


if __name__ == "__main__":
    what, output, log = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    if what == "run":
        run(output, log)
    else:
        print(json.dumps(kill_again_and_again(output, log, float(sys.argv[4]))))
