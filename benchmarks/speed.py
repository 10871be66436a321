"""Ours beside the plain form of the published implementation, stage by stage.

    python benchmarks/speed.py [--only walk flood] [--grid 64] [--device cpu] [--write FILE.json]
    python benchmarks/speed.py --compare BEFORE.json AFTER.json

Prints one table: medians of five, both sides in turns in one run on the same input. Seconds are
of this machine and moment; compare ratios. The rows stand in `rows_*.py`, each with a function
`rows(settings)` that yields them, so that inputs are made when they are needed; the plain forms
stand in `plain.py`.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from row import Measured, Row, Settings, measure

HEAD = "| what | plain s | ours s | ratio | target | reached | difference |\n" + "|---" * 7 + "|"


def all_rows(settings: Settings, only: list[str]) -> Iterator[Row]:
    """Yield the rows of all modules whose name, or whose row's name, holds one of the words."""
    for path in sorted(Path(__file__).parent.glob("rows_*.py")):
        chosen = not only or any(word in path.stem for word in only)
        for row in importlib.import_module(path.stem).rows(settings):
            if chosen or any(word in row.name for word in only):
                yield row


def machine(settings: Settings) -> dict[str, str | int]:
    """Say what the figures belong to."""
    device = settings.device
    return {
        "device": torch.cuda.get_device_name(device) if device.startswith("cuda") else device,
        "processor": platform.machine(),
        "cores": os.cpu_count() or 1,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "grid": settings.grid,
        "image": f"{settings.shape[0]} × {settings.shape[1]}",
        "repeat": settings.repeat,
    }


def compare(before: Path, after: Path) -> None:
    """Print what changed between two files."""
    old, new = (json.loads(path.read_text(encoding="utf-8")) for path in (before, after))
    earlier = {row["name"]: row for row in old["rows"]}
    later = {row["name"]: row for row in new["rows"]}
    print("| what | ours before s | after s | faster by | ratio to plain before | after |")
    print("|---" * 6 + "|")
    for name, row in later.items():
        was, ours = earlier.get(name), float(np.median(row["fast"]))
        ratio = float(np.median(row["plain"])) / ours
        if was is None:
            print(f"| {name} | – | {ours:.4f} | – | – | {ratio:.1f} × |")
            continue
        ours_was = float(np.median(was["fast"]))
        ratio_was = float(np.median(was["plain"])) / ours_was
        print(
            f"| {name} | {ours_was:.4f} | {ours:.4f} | {ours_was / ours:.2f} × "
            f"| {ratio_was:.1f} × | {ratio:.1f} × |"
        )
    for name in earlier.keys() - later.keys():
        print(f"| {name} | {np.median(earlier[name]['fast']):.4f} | – | – | – | – |")


def run(settings: Settings, only: list[str], write: Path | None) -> None:
    """Measure the rows, print them as they come, and write them."""
    about = machine(settings)
    print(", ".join(f"{name} {value}" for name, value in about.items()))
    print(HEAD, flush=True)
    done: list[Measured] = []
    with torch.inference_mode():
        for row in all_rows(settings, only):
            done.append(measure(row, settings))
            print(done[-1].line(), flush=True)
    if write is not None:
        content = {"machine": about, "rows": [asdict(row) for row in done]}
        write.write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", default=[], metavar="WORD")
    parser.add_argument("--grid", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="small inputs, to try the script")
    parser.add_argument("--write", type=Path, metavar="FILE.json")
    parser.add_argument("--compare", nargs=2, type=Path, metavar=("BEFORE", "AFTER"))
    options = parser.parse_args()
    if options.compare:
        compare(*options.compare)
        return
    settings = Settings(
        grid=options.grid or (16 if options.quick else 64),
        shape=(120, 160) if options.quick else (480, 854),
        device=options.device,
        repeat=2 if options.quick else options.repeat,
        quick=options.quick,
    )
    run(settings, options.only, options.write)


if __name__ == "__main__":
    main()
