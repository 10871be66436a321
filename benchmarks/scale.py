"""A whole stack into the store: one plane, one worker, two workers, and a second visit.

    python benchmarks/scale.py [--planes 155] [--side 240] [--grid 64] [--write FILE.json]

The stack is computed, looks like a magnetic resonance volume of a head with a tumour, and lies on
the disk as .nii.gz. All processes have one thread for their sums. "One plane" is the mean of
all planes, which this process encodes one after another: reading, attention, what the walk makes
of it, rounding and writing. A sample of them would not do: one takes up to twice as long as
another, since its walk takes more rounds. Seconds are of this machine and moment; compare ratios.
Each is taken twice: as time that passed, which wants idle cores, and as processor seconds of all
processes, their start included, which other programs disturb less. Two workers that have a core
each take half of their processor seconds. What `docs/scale.md` reckons with is printed last.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from napari_m2n2.parallel.threads import VARIABLES

os.environ.update(dict.fromkeys(VARIABLES, "1"))

import nibabel
import numpy as np
import torch
from numpy.typing import NDArray

from napari_m2n2.bulk.encoding import Encoded, EncodeTask, encode, encode_plane
from napari_m2n2.bulk.engine import Engine, create
from napari_m2n2.bulk.reading import Look, StackPlane
from napari_m2n2.files.stacks import StackChoice

PLANE, ONE, TWO, AGAIN = "one plane", "stack, 1 worker", "stack, 2 workers", "stack again"


def volume(planes: int, side: int) -> NDArray[np.int16]:
    """Return a head of so many planes, (planes, side, side)."""
    random = np.random.default_rng(0)
    z, y, x = np.meshgrid(
        np.linspace(-0.93, 0.93, planes),
        np.linspace(-1, 1, side),
        np.linspace(-1, 1, side),
        indexing="ij",
        sparse=True,
    )
    head = (z / 0.95) ** 2 + (y / 0.85) ** 2 + (x / 0.7) ** 2
    folds = np.sin(14 * x + 3 * np.sin(9 * y)) * np.sin(11 * y + 2 * z)
    grey = np.where(head < 1, 500 + 120 * folds, 0)
    grey = np.where(head < 0.25, 380, grey)
    tumour = ((z - 0.1) / 0.3) ** 2 + ((y + 0.3) / 0.25) ** 2 + ((x - 0.3) / 0.2) ** 2
    grey = np.where(tumour < 1, 900 - 250 * tumour, grey)
    noisy = grey + random.normal(0, 25, grey.shape) * (head < 1)
    return np.clip(noisy, 0, None).astype(np.int16)


class Spent(NamedTuple):
    """Seconds that passed, and processor seconds of this process and of those that ended in it."""

    passed: float
    worked: float

    @classmethod
    def now(cls) -> Spent:
        """Return what was spent so far."""
        times = os.times()
        return cls(time.perf_counter(), sum(times[:4]))

    def since(self, began: Spent) -> Spent:
        """Return what was spent in between."""
        return Spent(self.passed - began.passed, self.worked - began.worked)


def mean(spent: Iterable[Spent]) -> Spent:
    """Return the mean of each kind of seconds."""
    return Spent(*(statistics.fmean(kind) for kind in zip(*spent, strict=True)))


def alone(path: Path, engine: Engine, numbers: Sequence[int]) -> list[Spent]:
    """Return what planes take that are encoded one by one."""
    spent = []
    for number in numbers:
        task = EncodeTask(StackPlane(StackChoice(path), (number,), Look()), engine)
        began = Spent.now()
        list(encode_plane(task))
        spent.append(Spent.now().since(began))
    return spent


def whole(path: Path, engine: Engine, workers: int) -> tuple[Spent, Encoded]:
    """Return what a stack takes from the call to its end, with the start of the workers."""
    began = Spent.now()
    found = encode([path], engine, Look(), workers=workers)
    return Spent.now().since(began), found


def measure(options: argparse.Namespace, folder: Path) -> dict[str, float]:
    """Measure all of it on a stack in a folder."""
    path = folder / "volume.nii.gz"
    nibabel.save(nibabel.Nifti1Image(volume(options.planes, options.side).T, np.eye(4)), path)
    engine = Engine(grid=options.grid, device="cpu")
    create(engine)
    names = ("warm", "alone", "one", "two")
    warm, *stores = (replace(engine, store=str(folder / name)) for name in names)
    alone(path, warm, [0])  # what is loaded and compiled once
    numbers = range(options.planes)
    # half of them before and half after, in case the computer gets slower meanwhile
    planes = alone(path, stores[0], numbers[::2])
    one, first = whole(path, stores[1], 1)
    planes += alone(path, stores[0], numbers[1::2])
    again, second = whole(path, stores[1], 1)
    two, third = whole(path, stores[2], 2)
    assert (first.new, second.new, third.new) == (options.planes, 0, options.planes)
    files = [file for file in Path(str(stores[1].store)).rglob("*") if file.is_file()]
    taken = {PLANE: mean(planes), ONE: one, TWO: two, AGAIN: again}
    return {
        "planes": options.planes,
        **{f"{what} s": spent.passed for what, spent in taken.items()},
        **{f"{what} cpu s": spent.worked for what, spent in taken.items()},
        "bytes a plane": sum(file.stat().st_size for file in files) / options.planes,
        "files a plane": (len(files) - 1) / options.planes,
    }


def compared(found: dict[str, float], unit: str, cores: int) -> list[tuple[str, ...]]:
    """Return the rows of one kind of seconds; of two workers a share of 1 / cores counts."""
    plane, one, two, again = (found[f"{what} {unit}"] for what in (PLANE, ONE, TWO, AGAIN))
    planes = found["planes"]
    share, faster = one / (planes * plane), one / (two / cores)
    return [
        (PLANE, f"{plane:.3f} {unit}", "", ""),
        (
            f"{planes:.0f} planes, 1 worker",
            f"{one:.1f} {unit}",
            f"{share:.3f} × {planes:.0f} × one plane (≤ 1.05)",
            "yes" if share <= 1.05 else "no",
        ),
        (
            f"{planes:.0f} planes, 2 workers",
            f"{two:.1f} {unit}",
            f"{faster:.2f} × one worker (≥ 1.8)",
            "yes" if faster >= 1.8 else "no",
        ),
        ("the same again, all there", f"{again:.1f} {unit}", "", ""),
    ]


def told(found: dict[str, float]) -> str:
    """Return the table."""
    million = 1e6 * found[f"{ONE} cpu s"] / found["planes"] / 3600
    rows = [
        *compared(found, "s", 1),
        *compared(found, "cpu s", 2),
        ("bytes in the store, a plane", f"{found['bytes a plane'] / 1e6:.1f} MB", "", ""),
        ("files in the store, a plane", f"{found['files a plane']:.1f}", "", ""),
        ("a million planes, hours of one core", f"{million:.0f} h", "", ""),
        ("a million planes, bytes", f"{found['bytes a plane'] / 1e6:.1f} TB", "", ""),
    ]
    head = ["| what | measured | ratio | reached |", "|---|---|---|---|"]
    return "\n".join([*head, *(f"| {' | '.join(row)} |" for row in rows)])


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--planes", type=int, default=155)
    parser.add_argument("--side", type=int, default=240)
    parser.add_argument("--grid", type=int, default=64)
    parser.add_argument("--write", type=Path, metavar="FILE.json")
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="napari-m2n2-") as folder:
        found = measure(options, Path(folder))
    print(told(found))
    if options.write is not None:
        options.write.write_text(json.dumps(found, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
