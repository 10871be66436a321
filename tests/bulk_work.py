"""Batches and encodings for tests; it has to be a module that other processes can import."""

from __future__ import annotations

import os
import time
from dataclasses import replace

import numpy as np
import tifffile

from napari_m2n2.bulk import segmenting
from napari_m2n2.bulk.batch import batch
from napari_m2n2.bulk.encoding import encode
from napari_m2n2.bulk.engine import Engine, create
from napari_m2n2.bulk.plan import Places, plan_table
from napari_m2n2.bulk.reading import Look
from napari_m2n2.bulk.table import read_table
from napari_m2n2.parallel import Ended, Failed, Part

QUICK = {"zoom": "off", "outline": "map"}
ENGINE = Engine(grid=10, device="cpu", options=QUICK)
TABLE = (
    "image,object,axis-0,axis-1,axis-2,label\n"
    "plane.tif,1,17,22,,fg\n"
    "plane.tif,1,4,4,,bg\n"
    "stack.tif,7,1,17,22,fg\n"
    "stack.tif,7,3,17,22,fg\n"
    "stack.tif,8,3,4,44,fg\n"
)
LOG = "BULK_WORK_LOG"
TROUBLE = "BULK_WORK_TROUBLE"


def bright(*shape):
    """A bright square on dark noise, (..., 40, 48) uint8."""
    data = np.random.default_rng(0).integers(0, 40, (*shape, 40, 48)).astype(np.uint8)
    data[..., 10:26, 14:34] += 160
    return data


def make_folder(folder):
    """Write plane.tif, stack.tif of 4 planes, and table.csv with prompts for both."""
    folder.mkdir(exist_ok=True)
    tifffile.imwrite(folder / "plane.tif", bright())
    tifffile.imwrite(folder / "stack.tif", bright(4), metadata={"axes": "ZYX"}, imagej=True)
    (folder / "table.csv").write_text(TABLE)
    return folder


def plans(folder, places=None, look=None):
    """What is to be done for the table of a folder."""
    prompted = read_table(folder / "table.csv")
    return plan_table(prompted, ENGINE, look or Look(), places or Places())


def segment_and_log(task):
    """Segment a plane and log the process; the plane whose key is in TROUBLE kills it."""
    with open(os.environ[LOG], "a") as file:
        file.write(f"{os.getpid()} {task.key}\n")
    if task.key in os.environ.get(TROUBLE, ""):
        os.kill(os.getpid(), 9)
    time.sleep(0.05)
    yield from segmenting.segment_plane(task)


def run(work, tasks, *, workers=None, scheduler=None, tick=lambda: None):
    """Do tasks in this process, since to start others takes seconds."""
    for place, task in enumerate(tasks):
        tick()
        try:
            yield from (Part(place, value) for value in work(task))
        except ValueError as error:
            yield Failed(place, str(error))
        else:
            yield Ended(place)
    tick()


def run_batch(folder, **more):
    """Segment the planes of a folder in two processes, with a log."""
    import napari_m2n2.bulk.batch as module

    original, module.segment_plane = module.segment_plane, segment_and_log
    try:
        return batch(plans(folder), folder / "records.jsonl", **{"workers": 2, **more})
    finally:
        module.segment_plane = original


def run_encode(folder, **more):
    """Encode the images of a folder into the store in it."""
    engine = replace(ENGINE, store=str(folder / "store"))
    return encode([folder / "stack.tif"], engine, Look(), **{"workers": 2, **more})


def is_encoded(folder):
    """Which planes of the stack are in the store."""
    segmenter = create(replace(ENGINE, store=str(folder / "store")))
    return [segmenter.is_encoded(plane) for plane in bright(4)]
