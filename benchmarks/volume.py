"""How far the cells of the computed stack are carried on, and how well, slice by slice.

    python benchmarks/volume.py [GRID]

Each cell begins with its true outline on its largest slice; what is then written to the others is
compared with the truth there.
"""

from __future__ import annotations

import sys

import numpy as np

from napari_m2n2 import Segmenter
from napari_m2n2.annotation.planes import Plane
from napari_m2n2.annotation.volume import index_along, iou, propagate
from napari_m2n2.viewer import made_stack


def main(grid: int) -> None:
    """Print a line for each cell."""
    stack, truth = made_stack.make_stack(), made_stack.stack_truth()
    known: dict[int, Segmenter] = {}

    def segment(plane, prompts):
        index = index_along(plane, 0)
        if index not in known:
            known[index] = Segmenter(grid=grid)
            known[index].set_image(stack[index])
        return known[index].segment(prompts.points, prompts.labels, mask=prompts.start).mask

    for number in range(1, truth.max() + 1):
        cell = truth == number
        areas = cell.sum(axis=(1, 2))
        first = int(areas.argmax())
        plane = Plane(truth.shape, (1, 2), ((0, first),))
        found = {
            index_along(carried.plane, 0): carried.mask
            for carried in propagate(plane, cell[first], 0, segment)
        }
        overlap = [iou(mask, cell[index]) for index, mask in found.items()]
        there = np.flatnonzero(areas)
        print(
            f"cell {number}: on slices {there[0]} to {there[-1]}, from {first} carried on to "
            f"{min(found)} to {max(found)}; {sum(not areas[index] for index in found)} beyond it; "
            f"IoU mean {np.mean(overlap):.3f}, least {min(overlap):.3f}",
            flush=True,
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 64)
