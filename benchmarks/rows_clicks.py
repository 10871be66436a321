"""Rows: a new prompt in all, and what a further click costs that needs no new map."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import cv2
import numpy as np
import plain
import plain_clicks
import torch
from numpy.typing import NDArray
from row import Row, Settings
from skimage import data
from skimage.transform import resize

from napari_m2n2 import Attention, Segmenter
from napari_m2n2.attention.texture import Texture
from napari_m2n2.evaluation.simulation import click_object
from napari_m2n2.markov.upsample import upsample
from napari_m2n2.markov.walk import markov_maps, start_states
from napari_m2n2.segmentation import outline
from napari_m2n2.segmentation.nearest import combine
from napari_m2n2.segmentation.parameters import PUBLISHED, resolve
from napari_m2n2.segmentation.result import Result
from napari_m2n2.segmentation.selection import choose_threshold, find_candidates

PROMPTS = 10
"""Of the object that further clicks are added to."""


def rows(settings: Settings) -> Iterator[Row]:
    """Yield the rows of this module."""
    image = resize(data.cat(), settings.shape).astype(np.float32)
    attention = Texture(settings.grid).attend(image)
    yield from new_prompt(image, attention, settings)
    labels = [True, False] * (PROMPTS // 2)
    for preset in ("published", "default"):
        segmenter = opened(image, preset, settings)
        yield from further_clicks(
            segmenter, object_points(settings.shape), labels, preset, settings
        )
    yield from mending_clicks(image, settings)
    yield from stages(image, settings)


def places(shape: tuple[int, int], number: int, seed: int = 0) -> list[tuple[int, int]]:
    """Return pixels all over a plane, no two alike."""
    chosen = np.random.default_rng(seed).permutation(shape[0] * shape[1])[:number]
    return [(int(place) // shape[1], int(place) % shape[1]) for place in chosen]


def iou(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    """Return the intersection over union of two masks."""
    union = np.count_nonzero(one | other)
    return np.count_nonzero(one & other) / union if union else 1.0


def new_prompt(
    image: NDArray[np.float32], attention: Attention, settings: Settings
) -> Iterator[Row]:
    """Compare a new prompt with the published code, and the masks of fifty."""
    segmenter = Segmenter(preset="published", upsampling="fast", device=settings.device)
    segmenter.set_image(image, attention=attention, contrast=(0, 1))
    transition = plain.balance(plain.sharpen(attention.matrix.clone(), 0.65), 200)
    pixels = places(settings.shape, 6 if settings.quick else 50)
    colours = torch.from_numpy(image).permute(2, 0, 1).contiguous()
    turn = count()
    segmenter.segment(pixels[:1], [True])  # compiles, or loads what was compiled before

    def published(pixel: tuple[int, int]) -> NDArray[np.bool_]:
        distance = plain_clicks.distance_map(transition, colours, pixel, attention.grid)
        return plain_clicks.mask_of([distance], [pixel], [True])

    def ours(pixel: tuple[int, int]) -> NDArray[np.bool_]:
        return segmenter.segment([pixel], [True]).mask

    # pairs of runs see the same prompt, and ours never one it has seen
    yield Row(
        name="a new prompt in all, published with fast upsampling",
        plain=published,
        fast=ours,
        check=lambda _, __: agreement(segmenter, transition, attention.grid, pixels),
        target="≥ 15 ×, IoU ≥ 0.995 in the mean of 50, ≥ 0.98 in the worst",
        least=15,
        warm=False,
        prepare=lambda: places(settings.shape, 100, seed=1)[next(turn) // 2],
    )


def agreement(
    segmenter: Segmenter,
    transition: torch.Tensor,
    grid: tuple[int, int],
    pixels: list[tuple[int, int]],
) -> str:
    """Say how well our masks of one prompt each agree with those of every offset looked at."""
    image = segmenter.rgb
    assert image is not None
    shape = (image.shape[0], image.shape[1])
    starts = start_states(torch.tensor(pixels), shape, grid).float()
    low = torch.stack([plain.markov_map(transition, start) for start in starts])
    found = []
    for pixel, one in zip(pixels, low, strict=True):
        high = upsample(one.reshape(1, *grid), image)[0]
        filled = plain.flood(high / high.max(), pixel)
        expected = plain_clicks.mask_of([filled / filled.max()], [pixel], [True])
        found.append(iou(segmenter.segment([pixel], [True]).mask, expected))
    return f"IoU of {len(found)}: mean {np.mean(found):.4f}, worst {min(found):.4f}"


def opened(image: NDArray[np.float32], preset: str, settings: Settings) -> Segmenter:
    """Return a segmenter that has the image."""
    segmenter = Segmenter(
        preset=preset,
        grid=settings.grid,
        upsampling="fast",
        device=settings.device,
        zoom="off",
    )
    segmenter.set_image(image, contrast=(0, 1))
    return segmenter


def mending_clicks(image: NDArray[np.float32], settings: Settings) -> Iterator[Row]:
    """Compare the same for clicks as users place them, each where the mask was wrong most."""
    segmenter = opened(image, "default", settings)
    down, across = (np.arange(length) / length for length in settings.shape)
    eye = ((down[:, None] - 0.39) / 0.1) ** 2 + ((across - 0.378) / 0.0785) ** 2 <= 1
    clicked = click_object(segmenter, eye, clicks=PROMPTS).clicks
    points = [(click.row, click.column) for click in clicked]
    labels = [bool(click.label) for click in clicked]
    yield from further_clicks(segmenter, points, labels, "default, clicked where wrong", settings)


def further_clicks(
    segmenter: Segmenter,
    points: list[tuple[int, int]],
    labels: list[bool],
    which: str,
    settings: Settings,
) -> Iterator[Row]:
    """Compare a λ that is moved, a label that is flipped and an undo with a new prompt."""
    others = iter(places(settings.shape, 10_000, seed=2))
    turn = count(1)

    def new(given: int) -> Result:
        del given
        return segmenter.segment([*points, next(others)], [*labels, True])

    def moved(given: int) -> Result:
        return segmenter.segment(points, labels, thresholds={0: 0.05 + 0.001 * given})

    def last_moved(given: int) -> Result:
        chosen = {len(points) - 1: 0.05 + 0.001 * given}
        return segmenter.segment(points, labels, thresholds=chosen)

    def dragged(given: int) -> Result:
        chosen = {0: 0.0505 + 0.001 * given}
        return segmenter.segment(points, labels, thresholds=chosen, draft=True)

    def flipped(given: int) -> Result:
        # every run flips other labels than those before, so that nothing of it is kept
        bits = given + 1
        return segmenter.segment(points, [a ^ bool(bits >> k & 1) for k, a in enumerate(labels)])

    def undone(given: int) -> Result:
        del given
        return segmenter.segment(points, labels)

    for what, fast in (
        ("λ moved", moved),
        ("λ of the last moved", last_moved),
        ("λ dragged, draft", dragged),
        ("labels flipped", flipped),
        ("undo", undone),
    ):
        yield Row(
            name=f"{what}, {len(points)} prompts, {which}",
            plain=new,
            fast=fast,
            check=lambda _, mine: f"mask of {mine.mask.mean():.0%} of the plane",
            target="≥ 10 × a new prompt, ≤ 0.05 s",
            least=10,
            prepare=lambda: next(turn),
        )


def object_points(shape: tuple[int, int]) -> list[tuple[int, int]]:
    """Return points of an object in the middle and of what surrounds it, in turns."""
    angles = np.arange(PROMPTS) * 2.4
    radii = np.where(np.arange(PROMPTS) % 2, 0.4, 0.12)
    rows = np.rint(shape[0] * (0.5 + radii * np.sin(angles))).astype(int)
    columns = np.rint(shape[1] * (0.5 + radii * np.cos(angles))).astype(int)
    return list(zip(rows.tolist(), columns.tolist(), strict=True))


def stages(image: NDArray[np.float32], settings: Settings) -> Iterator[Row]:
    """Compare what follows a distance map, stage by stage."""
    parameters = resolve("m2n2", "published", "", {"grid": settings.grid})
    attention = Texture(settings.grid).attend(image)
    transition = plain.balance(plain.sharpen(attention.matrix.clone(), 0.65), 200)
    points = object_points(settings.shape)
    pixels = np.array(points)
    starts = start_states(torch.tensor(points), settings.shape, attention.grid).float()
    low = markov_maps(transition, starts).reshape(-1, *attention.grid)
    distances = list(upsample(low, image, method="fast"))
    distances = [plain.flood(d / d.max(), p) for d, p in zip(distances, points, strict=True)]
    distances = [(d / d.max()).astype(np.float32) for d in distances]

    def chosen(distance: NDArray[np.float32]) -> float:
        candidates = find_candidates(distance, parameters)
        return choose_threshold(candidates, pixels[:1], pixels[1:2])

    yield Row(
        name="sorting and scoring the candidates of a map",
        plain=lambda: plain_clicks.choose(distances[0], pixels[:1], pixels[1:2]),
        fast=lambda: chosen(distances[0]),
        check=lambda a, b: f"λ {abs(a - b):.1e}",
        target="reported",
    )
    labels = [True, False] * (PROMPTS // 2)
    yield Row(
        name=f"nearest of {PROMPTS} prompts",
        plain=lambda: np.argmin([d / np.float32(0.3) for d in distances], axis=0),
        fast=lambda: combine(distances, [0.3] * PROMPTS, labels, settings.shape),
        check=lambda _, __: "",
        target="reported",
    )
    yield fitting(image, settings)


def fitting(image: NDArray[np.float32], settings: Settings) -> Row:
    """Compare the outline's cut with OpenCV's GrabCut on the same part of the plane."""
    height, width = settings.shape
    down, across = np.ogrid[:height, :width]
    mask = np.hypot(down - height / 2, across - width / 2) < 0.3 * height
    guide = (image * 255).astype(np.uint8)
    band = PUBLISHED.outline_band * np.sqrt(np.count_nonzero(mask))

    def grabcut() -> NDArray[np.bool_]:
        inside, outside = (
            cv2.distanceTransform(side.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
            for side in (mask, ~mask)
        )
        trimap = np.where(mask, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
        trimap[inside > band], trimap[outside > band] = cv2.GC_FGD, cv2.GC_BGD
        models = np.zeros((1, 65)), np.zeros((1, 65))
        cv2.setRNGSeed(0)
        cv2.grabCut(guide, trimap, (0, 0, 0, 0), *models, 1, cv2.GC_INIT_WITH_MASK)
        return (trimap & 1).astype(bool)

    def ours() -> NDArray[np.bool_]:
        found, score = mask.copy(), np.where(mask, 0.5, -0.5).astype(np.float32)
        middle = [(height // 2, width // 2)]
        outline.fit_outline(found, score, guide, middle, [True], band=PUBLISHED.outline_band)
        return found

    return Row(
        name="outline by a graph cut in a band",
        plain=grabcut,
        fast=ours,
        check=lambda a, b: f"IoU {iou(a, b):.3f}",
        target="reported",
    )
