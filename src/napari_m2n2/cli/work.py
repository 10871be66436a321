"""What the commands share that work on many planes."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from napari_m2n2.cli.console import tell
from napari_m2n2.cli.measuring import weights_from
from napari_m2n2.cli.options import backbone_settings
from napari_m2n2.progress import Progress

if TYPE_CHECKING:
    from napari_m2n2.bulk.engine import Engine
    from napari_m2n2.bulk.reading import Look

TOLD = 10
"""Failures that are told one by one."""


def add_store(parser: argparse.ArgumentParser, *, always: bool = False) -> None:
    """Add where the store of attention is; `always` for a command that cannot do without."""
    usual = "the usual folder, which `napari-m2n2 doctor` names"
    parser.add_argument_group("the store").add_argument(
        "--store",
        nargs="?",
        const=True,
        metavar="FOLDER",
        help=f"where attention is kept (default: {usual})"
        if always
        else f"keep attention, and take what is there; without a name, in {usual}",
    )


def store_folder(options: argparse.Namespace) -> str:
    """Return the folder of the store, whole, for processes started elsewhere."""
    from napari_m2n2.attention.usual import default_folder

    named = options.store if isinstance(options.store, str) else None
    return str((Path(named).expanduser() if named else default_folder()).absolute())


def engine_from(options: argparse.Namespace, store: str | None) -> Engine:
    """Return how planes are segmented, as a command line says."""
    from napari_m2n2.bulk.engine import Engine

    given = backbone_settings(options)
    grid, weights = given.pop("grid", None), weights_from(given.pop("weights", None))
    if weights is not None:
        given["weights"] = weights
    return Engine(
        backbone=options.backbone,
        method=options.method,
        preset=options.preset,
        refine=options.refine,
        grid=grid,
        device=options.device,
        options=given,
        store=store,
    )


def look_from(options: argparse.Namespace) -> Look:
    """Return how planes are looked at, as a command line says."""
    from napari_m2n2.bulk.reading import Look

    channels = None if options.channels is None else tuple(options.channels)
    return Look(channels, options.contrast)


def tell_failure(
    image: Path | str, sentence: str, *, plane: Sequence[int] | None = None, number: int = 0
) -> None:
    """Say what could not be done, and where, unless the sentence begins to say it itself.

    Parameters
    ----------
    image : path
    sentence : str
    plane : sequence of int, optional
        Where it lies along the axes of the stack.
    number : int
        Of the object; 0 is no single one.
    """
    where = [] if str(image) in sentence else [str(image)]
    if plane:
        where.append(f"plane {' '.join(str(index) for index in plane)}")
    if number:
        where.append(f"object {number}")
    tell(f"{', '.join(where)}: {sentence}" if where else sentence)


def workers_for(options: argparse.Namespace, engine: Engine, progress: Progress) -> int | None:
    """Return how many processes there are to be here, with the weights that they want."""
    from napari_m2n2.bulk.processes import fetch, how_many

    workers: int | None = options.workers
    if options.scheduler is not None:
        return workers
    fetch(engine.backbone, engine.options, progress)
    return how_many(engine.backbone, engine.grid, engine.device) if workers is None else workers
