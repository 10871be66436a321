"""How far masks of large planes, which are worked on reduced, agree with full resolution.

    python benchmarks/agreement.py [--side 4096] [--clicks 5] [--only cat,coins] [--again]

Pictures of scikit-image are enlarged, and noise is added. The two with clicks of their own are
clicked there; in the others a click is placed where full resolution is most wrong of a rough
outline of the object. With `--again` full resolution is compared with itself under other noise,
too. Takes a quarter of an hour; processor seconds are of this machine.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage import data
from skimage.draw import ellipse, polygon

from napari_m2n2 import Segmenter
from napari_m2n2.evaluation.clicks import Click, next_click
from napari_m2n2.evaluation.metrics import iou

_NOISE = 4
"""Standard deviation, of 255."""

_TARGET = 0.97


@dataclass(frozen=True)
class Picture:
    """A picture and what is clicked in it, in its own pixels.

    Attributes
    ----------
    name : str
    image : callable
    clicks : tuple of sequences of Click
    rings : tuple of (row, column, down, across)
        Ellipses, each about an object.
    outlines : tuple of sequences of (row, column)
        Corners, each about an object.
    """

    name: str
    image: Callable[[], NDArray[np.uint8]]
    clicks: tuple[tuple[Click, ...], ...] = ()
    rings: tuple[tuple[int, int, int, int], ...] = ()
    outlines: tuple[tuple[tuple[int, int], ...], ...] = ()


def _clicks(*clicks: tuple[int, int, int]) -> tuple[Click, ...]:
    return tuple(Click(row, column, bool(label)) for row, column, label in clicks)


PICTURES = (
    Picture(
        "astronaut",
        data.astronaut,
        clicks=(
            _clicks((140, 220, 1), (300, 250, 1), (400, 60, 0)),
            _clicks((60, 400, 1), (200, 440, 1), (300, 300, 0)),
            _clicks((420, 170, 1), (380, 300, 1)),
        ),
    ),
    Picture(
        "coffee",
        lambda: data.coffee()[:, 100:500],
        clicks=(
            _clicks((200, 130, 1), (250, 200, 1), (380, 350, 0)),
            _clicks((60, 300, 1), (330, 80, 1)),
        ),
    ),
    Picture(
        "tissue",
        data.immunohistochemistry,
        rings=((405, 318, 100, 65),),
        outlines=(
            ((0, 235), (0, 425), (120, 455), (290, 425), (240, 330), (150, 280), (100, 270)),
        ),
    ),
    Picture(
        "camera",
        data.camera,
        outlines=(
            (
                *((110, 150), (130, 185), (200, 190), (310, 270), (330, 170)),
                *((400, 140), (512, 150), (512, 0), (230, 0), (150, 60)),
            ),
        ),
    ),
    Picture("cat", data.cat, rings=((115, 170, 31, 36), (140, 195, 130, 150))),
    Picture(
        "motorcycle",
        lambda: data.stereo_motorcycle()[0],
        rings=((320, 198, 82, 80),),
        outlines=(
            ((165, 470), (170, 360), (250, 265), (275, 260), (260, 330), (235, 460)),
            ((160, 160), (170, 260), (195, 355), (250, 270), (225, 200)),
        ),
    ),
    Picture("cell", data.cell, rings=((373, 428, 64, 64),)),
    Picture("coins", data.coins, rings=((45, 110, 22, 22),)),
)


def main() -> None:
    """Print a line for each click, and what they are together."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=4096)
    parser.add_argument("--clicks", type=int, default=5)
    parser.add_argument("--only", default="")
    parser.add_argument("--again", action="store_true")
    options = parser.parse_args()
    wanted = options.only.split(",") if options.only else [one.name for one in PICTURES]
    found: dict[str, list[float]] = {}
    for picture in PICTURES:
        if picture.name in wanted:
            for kind, overlap in measured(picture, options.side, options.clicks, options.again):
                found.setdefault(kind, []).append(overlap)
    for kind, overlaps in found.items():
        print(
            f"{kind}: {len(overlaps)} clicks, IoU {np.mean(overlaps):.4f} in the mean, "
            f"median {np.median(overlaps):.4f}, least {min(overlaps):.4f}, "
            f"{np.mean(np.array(overlaps) >= _TARGET):.0%} at least {_TARGET}"
        )


def measured(picture: Picture, side: int, clicks: int, again: bool) -> Iterator[tuple[str, float]]:
    """Yield what was compared, and the overlap, click by click."""
    image = picture.image()
    reduced, full = prepared(image, side, 0), prepared(image, side, 0, most_pixels=0)
    other = prepared(image, side, 1, most_pixels=0) if again else None
    for number, clicked in enumerate(objects(picture, image, side, clicks)):
        mask = np.zeros((side, side), bool)
        given: list[Click] = []
        while (click := clicked(mask, given)) is not None:
            given.append(click)
            points = [(one.row, one.column) for one in given]
            labels = [one.label for one in given]
            began = time.process_time()
            ours = reduced.segment(points, labels)
            between = time.process_time()
            theirs = full.segment(points, labels)
            ended = time.process_time()
            mask = theirs.mask
            overlap = iou(ours.mask, mask)
            line = f"{picture.name} {number} click {len(given)}: IoU {overlap:.4f}, area "
            line += f"{mask.mean():.4f}, λ {ours.thresholds[-1]:.4f} {theirs.thresholds[-1]:.4f}, "
            line += f"{between - began:.1f} and {ended - between:.1f} processor seconds"
            yield "reduced against full resolution", overlap
            if other is not None:
                same = iou(other.segment(points, labels).mask, mask)
                line += f"; with other noise {same:.4f}"
                yield "full resolution against itself with other noise", same
            print(line, flush=True)


def objects(
    picture: Picture, image: NDArray[np.uint8], side: int, clicks: int
) -> Iterator[Callable[[NDArray[np.bool_], list[Click]], Click | None]]:
    """Yield for each object what tells the next click, given the mask and the clicks so far."""
    height, width = image.shape[:2]
    for sequence in picture.clicks:
        placed = [
            Click(one.row * side // height, one.column * side // width, one.label)
            for one in sequence
        ]
        yield lambda _, given, placed=placed: [*placed, None][len(given)]
    shapes = [ellipse(*ring, shape=(height, width)) for ring in picture.rings]
    shapes += [polygon(*np.array(corners).T, (height, width)) for corners in picture.outlines]
    for inside in shapes:
        small = np.zeros((height, width), np.uint8)
        small[inside] = 1
        truth = cv2.resize(small, (side, side), interpolation=cv2.INTER_NEAREST).view(bool)

        def wrong(
            mask: NDArray[np.bool_], given: list[Click], truth: NDArray[np.bool_] = truth
        ) -> Click | None:
            if len(given) == clicks:
                return None
            return next_click(mask, truth, protocol="ritm", given=given)

        yield wrong


def prepared(image: NDArray[np.uint8], side: int, seed: int, **parameters: int) -> Segmenter:
    """Return a segmenter of a picture enlarged to a side, with noise."""
    large = cv2.resize(image, (side, side), interpolation=cv2.INTER_CUBIC).astype(np.float32)
    noise = np.random.default_rng(seed).normal(0, _NOISE, (side, side)).astype(np.float32)
    large += noise if large.ndim == 2 else noise[..., None]
    made = Segmenter(**parameters)
    made.set_image(np.clip(np.rint(large), 0, 255).astype(np.uint8))
    return made


if __name__ == "__main__":
    main()
