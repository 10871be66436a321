"""An evaluation from its images to RUN.json, which can be killed at any moment and goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from types import MappingProxyType
from typing import Any

from napari_m2n2 import parallel
from napari_m2n2.bulk import processes
from napari_m2n2.bulk.clock import Clock
from napari_m2n2.errors import InputError
from napari_m2n2.evaluation import predictors
from napari_m2n2.evaluation.clicks import PROTOCOLS
from napari_m2n2.evaluation.datasets.base import Case
from napari_m2n2.evaluation.failure import Failure
from napari_m2n2.evaluation.findings import Findings
from napari_m2n2.evaluation.journal import Journal, check_same
from napari_m2n2.evaluation.runs import (
    Run,
    Settings,
    read_run,
    settings_to_json,
    write_run,
)
from napari_m2n2.evaluation.work import Create, Task, evaluate_case
from napari_m2n2.files import check_writable
from napari_m2n2.progress import Progress, ignore


def evaluate(
    cases: Sequence[Case],
    settings: Settings,
    output: Path | str,
    *,
    source: Mapping[str, Any] = MappingProxyType({}),
    problems: Sequence[Failure] = (),
    workers: int | None = None,
    scheduler: str | None = None,
    progress: Progress = ignore,
    create: Create = predictors.create,
) -> Run:
    """Click the objects of images and write what was found.

    Each object is on the disk when it is done, in a journal beside the output
    (`napari_m2n2.evaluation.journal`). The same call goes on where an earlier one was stopped,
    in whatever way; where RUN.json is there, it adds what is missing, such as objects whose files
    were mended.

    Parameters
    ----------
    cases : sequence of Case
        The images.
    settings : Settings
    output : path
        RUN.json.
    source : mapping
        The dataset's name, its absolute path and its options, of types that JSON has.
    problems : sequence of Failure
        What was found while listing the dataset; they become failures of the run.
    workers : int, optional
        Processes, each with one thread; no score depends on their number. Without it one for
        each core, as far as memory suffices; one on a GPU.
    scheduler : str, optional
        Address of a Dask scheduler instead; its workers have to see the same files.
    progress : callable, optional
        Called about twice a second as ``progress(phase, fraction)``, the time left being in the
        phase; may raise `Cancelled`.
    create : callable
        Makes what is clicked; a function of a module that the processes can import.

    Returns
    -------
    Run
        What is in the file: the objects in the order of the cases.

    Raises
    ------
    InputError
        If the settings cannot be used, or there is no image.
    FileError
        If the output or its journal is of other settings, of another version, damaged, in use, or
        cannot be written; nothing of them is changed then.
    MissingError
        If weights, a package or the scheduler is missing.
    Cancelled
        From `progress`. What was done is kept.
    """
    output = Path(output)
    _check(cases, settings)
    check_writable(output)
    earlier = _earlier(output, settings, source)
    if scheduler is None:
        workers = _workers(settings) if workers is None else workers
        _fetch(settings, progress)
    with Journal(output, settings, source) as journal:
        findings = Findings(cases, journal, earlier, workers or "a Dask cluster")
        clock = Clock("evaluating", findings.pace, progress)
        tasks = [Task(case, settings, create, findings.done(case)) for case in findings.cases]
        outcomes = parallel.run(
            evaluate_case, tasks, workers=workers, scheduler=scheduler, tick=clock.tick
        )
        with closing(outcomes):
            for outcome in outcomes:
                findings.take(outcome)
        run = findings.run(settings, source, problems)
        write_run(run, output)
        journal.remove()
    return run


def _check(cases: Sequence[Case], settings: Settings) -> None:
    """Raise InputError for settings that no worker has to be asked about."""
    if not cases:
        raise InputError("There is no image to evaluate; look at the path and the options.")
    if settings.protocol not in PROTOCOLS:
        raise InputError(
            f"There is no protocol {settings.protocol!r}; choose one of {', '.join(PROTOCOLS)}."
        )
    if settings.clicks < 1:
        raise InputError(f"{settings.clicks} clicks cannot be; give 1 or more.")


def _earlier(output: Path, settings: Settings, source: Mapping[str, Any]) -> Run | None:
    """Return the run that is there already, if it is of the same settings."""
    if not output.exists():
        return None
    run = read_run(output)
    check_same(settings_to_json(run.settings), run.source, settings, source, output)
    return run


def _fetch(settings: Settings, progress: Progress) -> None:
    """Have the weights here before several processes want them; a peer has its own."""
    if settings.method not in predictors.PEERS:
        given = {**settings.parameters, "weights": settings.weights}
        processes.fetch(settings.backbone, given, progress)


def _workers(settings: Settings) -> int:
    """Return how many processes this computer can do with."""
    return processes.how_many(
        settings.backbone, settings.grid, settings.device, heavy=settings.method == "sam"
    )
