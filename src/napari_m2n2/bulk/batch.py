"""Many images segmented from prompts that are there already; can be killed and goes on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from napari_m2n2 import parallel
from napari_m2n2.bulk.assembling import Assembly
from napari_m2n2.bulk.clock import Clock
from napari_m2n2.bulk.plan import ImagePlan, check_places
from napari_m2n2.bulk.progressing import Progressing
from napari_m2n2.bulk.records import ImageRecord, read_records, write_records
from napari_m2n2.bulk.segmenting import NotKept, segment_plane
from napari_m2n2.errors import InputError
from napari_m2n2.files import check_writable
from napari_m2n2.parallel import Part
from napari_m2n2.progress import Progress, ignore


def batch(
    plans: Sequence[ImagePlan],
    output: Path,
    *,
    overwrite: bool = False,
    workers: int | None = None,
    scheduler: str | None = None,
    progress: Progress = ignore,
    warn: Callable[[str], None] = lambda sentence: None,
) -> list[ImageRecord]:
    """Segment the objects of many images, and write labels and a record for each image.

    Each plane is on the disk when it is done, in a journal beside the records. The same call goes
    on where an earlier one was stopped, in whatever way; images that are done are left alone.

    Parameters
    ----------
    plans : sequence of ImagePlan
    output : Path
        The file of records, JSON lines (`napari_m2n2.bulk.records`).
    overwrite : bool
        Whether labels may be replaced that this did not write, or that somebody has changed.
    workers : int, optional
        Processes, each with one thread; by default one for each core.
    scheduler : str, optional
        Address of a Dask scheduler instead; its workers have to see the same files.
    progress : callable, optional
        Called about twice a second as ``progress(phase, fraction)``, the time left being in the
        phase; may raise `Cancelled`.
    warn : callable
        Is told once, in one sentence, why attention is not kept where it should be.

    Returns
    -------
    list of ImageRecord
        One for each plan, in their order.

    Raises
    ------
    InputError
        If there is nothing to do, or two images would have the same labels.
    FileError
        If the records or the journal cannot be written, or are of something else.
    MissingError
        If no process can be started, or the scheduler is lost.
    Cancelled
        From `progress`. What was done is kept.
    """
    if not plans:
        raise InputError("There is no image to segment; look at the table.")
    check_places(plans)
    check_writable(output)
    earlier = read_records(output)
    with Progressing(journal_path(output)) as journal:
        assembly = Assembly(plans, earlier, journal, overwrite=overwrite)
        clock = Clock("segmenting", assembly.pace, progress)
        outcomes = parallel.run(
            *(segment_plane, assembly.tasks),
            workers=workers,
            scheduler=scheduler,
            tick=clock.tick,
        )
        told = False
        with closing(outcomes):
            for outcome in outcomes:
                if isinstance(outcome, Part) and isinstance(outcome.value, NotKept):
                    if not told:
                        warn(outcome.value.sentence)
                    told = True
                else:
                    assembly.take(outcome)
        records = assembly.records()
        write_records(records, output)
        journal.remove()
    return records


def journal_path(output: Path) -> Path:
    """Return where the journal of a file of records lies."""
    return output.with_name(output.name + ".journal")
