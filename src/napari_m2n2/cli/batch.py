"""`napari-m2n2 batch`: prompts that are there already, applied to many images."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from napari_m2n2.cli.console import ConsoleProgress, counted, resumable, tell
from napari_m2n2.cli.options import (
    EXIT_CODES,
    Commands,
    add_backbone_details,
    add_common,
    add_engine,
    add_stacks,
    add_work,
)
from napari_m2n2.cli.work import (
    TOLD,
    add_store,
    engine_from,
    look_from,
    store_folder,
    tell_failure,
    workers_for,
)
from napari_m2n2.errors import InputError

if TYPE_CHECKING:
    from napari_m2n2.bulk.engine import Engine
    from napari_m2n2.bulk.plan import ImagePlan
    from napari_m2n2.bulk.records import ImageRecord

_TABLE = ".csv"

FORMATS = {"tif": ".tif", "nii.gz": ".nii.gz", "png": ".png", "zarr": ".ome.zarr"}


def add_parser(commands: Commands) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "batch",
        description="Segment many images from prompts in a table or in session files, and write "
        "labels and a record for each image. An interrupted run goes on with the same command.",
        epilog=f"{EXIT_CODES} It is also 1 if something could not be segmented; the records name "
        "it, and the same command tries it again.",
    )
    add = parser.add_argument
    add(
        "prompts",
        type=Path,
        nargs="+",
        metavar="PROMPTS",
        help="CSV tables with the columns image, object, axis-0, axis-1, ... and label, or image, "
        "object and points, a file of prompts; or session files",
    )
    add(
        "-o",
        "--records",
        type=Path,
        required=True,
        metavar="FILE",
        help="where what was done is told, a line of JSON for each image",
    )
    add(
        "--images",
        type=Path,
        nargs="+",
        default=[],
        metavar="PATH",
        help="files or folders that all the prompts count for, where the table names no image",
    )
    _add_labels(parser)
    add_stacks(parser)
    add_engine(parser)
    add_backbone_details(parser)
    add_store(parser)
    add_work(parser)
    add_common(parser, __name__)


def _add_labels(parser: argparse.ArgumentParser) -> None:
    """Add where labels go."""
    add = parser.add_argument_group("the labels").add_argument
    add(
        "--labels",
        type=Path,
        metavar="FOLDER",
        help="where they are written, as NAME_labels (default: beside each image)",
    )
    add("--format", choices=FORMATS, help="of the labels (default: that of the image)")
    add(
        "--inside",
        action="store_true",
        help="labels of an OME-Zarr image become a label image in it",
    )
    add(
        "--overwrite",
        action="store_true",
        help="replace labels that are there, even if somebody has changed them",
    )


def run(options: argparse.Namespace) -> int:
    """Segment the images."""
    from napari_m2n2.bulk.batch import batch, journal_path
    from napari_m2n2.bulk.engine import create

    engine = engine_from(options, store_folder(options) if options.store else None)
    create(engine)  # whatever is wrong with the settings is found before the work begins
    plans = _plans(options, engine)
    with resumable(journal_path(options.records)), ConsoleProgress() as progress:
        records = batch(
            plans,
            options.records,
            overwrite=options.overwrite,
            workers=workers_for(options, engine, progress),
            scheduler=options.scheduler,
            progress=progress,
            warn=tell,
        )
    return _report(records, options.records)


def _plans(options: argparse.Namespace, engine: Engine) -> list[ImagePlan]:
    """Return what is to be done."""
    from napari_m2n2.bulk.plan import Places, plan_table
    from napari_m2n2.bulk.sessions import plan_sessions
    from napari_m2n2.bulk.table import read_table
    from napari_m2n2.files.stacks import image_files

    if options.labels is not None and not options.labels.is_dir():
        raise InputError(f"The folder {options.labels} does not exist; make it first.")
    places = Places(options.labels, FORMATS.get(options.format or ""), options.inside)
    look = look_from(options)
    images = image_files(options.images) if options.images else ()
    plans: list[ImagePlan] = []
    for path in options.prompts:
        if path.suffix.lower() == _TABLE:
            plans += plan_table(
                read_table(path, images),
                engine,
                look,
                places,
                axes=tuple(options.axis or ()),
                channel_axis=options.channel_axis,
            )
    sessions = [path for path in options.prompts if path.suffix.lower() != _TABLE]
    return plans + plan_sessions(sessions, engine, places, images)


def _report(records: Sequence[ImageRecord], path: Path) -> int:
    """Say what was done and what could not be, and return the exit code."""
    failures = [(record.image, failure) for record in records for failure in record.failures]
    for image, failure in failures[:TOLD]:
        tell_failure(image, failure.sentence, plane=failure.plane, number=failure.object)
    written = [record for record in records if record.labels]
    objects = sum(len(record.objects) for record in written)
    sys.stdout.write(
        f"{path}: labels of {len(written)} of {counted(len(records), 'image')} with "
        f"{counted(objects, 'object')}\n"
    )
    sys.stdout.flush()
    if not failures:
        return 0
    entries = counted(len(failures), "entry", "entries")
    tell(f"{entries} (objects, planes or whole images) could not be done; the records name each.")
    return 1
