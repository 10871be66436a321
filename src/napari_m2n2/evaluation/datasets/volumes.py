"""BraTS as it is handed out: a folder of NIfTI volumes for each patient."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from napari_m2n2.errors import FileError
from napari_m2n2.evaluation.datasets.arrays import ending
from napari_m2n2.evaluation.datasets.base import Case, Dataset
from napari_m2n2.evaluation.datasets.options import check_text
from napari_m2n2.evaluation.datasets.pairing import existing
from napari_m2n2.evaluation.datasets.pictures import MaskFile, PictureCase
from napari_m2n2.evaluation.failure import Failure

_MODALITIES = {
    "flair": ("flair", "t2f"),
    "t1": ("t1", "t1n"),
    "t1ce": ("t1ce", "t1c", "t1gd"),
    "t2": ("t2", "t2w"),
}
"""The last word of a file's name, in the years to 2021 and in those after."""
_MASKS = ("seg", "segm")
"""The masks; one patient of 2020 (355) has W39_1998.09.19_Segm.nii."""


def open_brats_volumes(name: str, path: Path, *, modality: str = "flair") -> Dataset:
    """Open BraTS volumes; each gives the slice with the largest tumour.

    Parameters
    ----------
    name : str
    path : Path
        The folder of the patients' folders, at any depth below it.
    modality : str
        "flair", "t1", "t1ce" or "t2".

    Returns
    -------
    Dataset
        One case and one object (all labels above 0, the whole tumour) for each patient.

    Raises
    ------
    FileError
        If the folder is missing or holds no segmentation.
    """
    check_text("modality", modality, tuple(_MODALITIES))
    existing(path, "give the folder that holds the folders of the patients")
    cases: list[Case] = []
    problems: list[Failure] = []
    seen: set[str] = set()
    for folder, files in _patients(path):
        masks, images = _named(files, _MASKS), _named(files, _MODALITIES[modality])
        patient = folder.name
        sentence = ""
        if patient in seen:
            sentence = f"{folder} is a second folder of the patient {patient}; remove one of them."
        elif len(masks) != 1:
            sentence = (
                f"{folder} has {len(masks)} files that end in _seg.nii or .nii.gz; it needs one."
            )
        elif len(images) != 1:
            sentence = f"{folder} has {len(images)} {modality} volumes; it needs one."
        else:
            mask = MaskFile(masks[0], "above zero", "whole_tumour")
            cases.append(PictureCase(name, "medical", patient, images[0], (mask,)))
        if sentence:
            problems.append(Failure(name, patient, "", sentence))
        seen.add(patient)
    return Dataset(name, tuple(cases), tuple(problems))


def _patients(path: Path) -> list[tuple[Path, list[Path]]]:
    """Return the folders that hold volumes, by their paths, with the volumes."""
    folders: dict[Path, list[Path]] = defaultdict(list)
    for file in sorted(path.rglob("*.nii*")):
        if file.is_file() and ending(file) in (".nii", ".nii.gz") and file.name[0] != ".":
            folders[file.parent].append(file)
    if not folders:
        raise FileError(f"{path} holds no NIfTI volume; give the folder of the patients' folders.")
    return sorted(folders.items())


def _named(files: Sequence[Path], words: Sequence[str]) -> list[Path]:
    """Return the files whose name ends in one of these words."""
    return [f for f in files if _last_word(f) in words]


def _last_word(file: Path) -> str:
    """Return what stands after the last _ or - in the name of a file, in lower case."""
    return re.split(r"[_-]", file.name[: -len(ending(file))])[-1].lower()
