"""What processes do that share a store; run as a program, and killed.

``python store_work.py FOLDER ROUNDS SIZE LIMIT`` puts what is missing into a store, again and
again, with numbers that follow from the key, and says after each round how many were wrong.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import numpy as np

from napari_m2n2.attention.keeping import AttentionStore

ENTRIES = 12


def key(number):
    return hashlib.sha256(str(number).encode()).hexdigest()[:40]


def arrays(number, size=30_000):
    rng = np.random.default_rng(number)
    return {"halves": rng.random(size).astype(np.float16), "features": rng.random(7)}


def is_right(number, found, size=30_000):
    about, kept = found
    expected = arrays(number, size)
    return about == str(number) and all(np.array_equal(kept[n], expected[n]) for n in expected)


def open_one(folder, **options):
    options = {"memory": 0} | options
    return AttentionStore(Path(folder), **options)


def fill(folder, rounds=1, size=30_000, limit=None):
    """Write what is missing, `rounds` times; return how many entries were wrong."""
    store, wrong = open_one(folder, limit=limit), 0
    for turn in range(rounds):
        for number in range(ENTRIES):
            found = store.find_arrays(key(number))
            if found is None:
                store.keep_arrays(key(number), str(number), arrays(number, size))
            elif not is_right(number, found, size):
                wrong += 1
        sys.stdout.write(f"{turn} {wrong} {store.problem}\n")
        sys.stdout.flush()
    return wrong


if __name__ == "__main__":
    fill(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]) or None)
