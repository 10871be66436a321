"""The datasets by name: what each of them is, and how it is opened.

Imports no reader before it is used, so that a command line can list the names at once.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from napari_m2n2.errors import InputError
from napari_m2n2.evaluation.datasets.base import Dataset, Description
from napari_m2n2.evaluation.datasets.descriptions import DESCRIPTIONS

_READERS = {
    "grabcut": "published:open_pictures",
    "grabcut-m2n2": "published:open_pictures",
    "berkeley": "published:open_pictures",
    "berkeley-m2n2": "published:open_pictures",
    "sbd": "sbd:open_sbd",
    "sbd-classes": "sbd:open_sbd",
    "davis": "published:open_pictures",
    "brats": "published:open_pictures",
    "brats-nifti": "volumes:open_brats_volumes",
    "oai-zib": "published:open_pictures",
    "oai-zib-merged": "published:open_pictures",
    "coco": "coco:open_coco",
    "index": "index:open_index",
    "folders": "labelled:open_folders",
    "image": "labelled:open_image",
}


def names() -> tuple[str, ...]:
    """Return the names of the datasets."""
    return tuple(_READERS)


def describe(name: str) -> Description:
    """Return layout, origin and licence of a dataset.

    Raises
    ------
    InputError
        If there is no dataset of this name.
    """
    _check(name)
    return DESCRIPTIONS[name]


def open_dataset(name: str, path: Path | str, **options: Any) -> Dataset:
    """List the images of a dataset, without reading them.

    Parameters
    ----------
    name : str
        One of `names`.
    path : path
        Where it is; what has to be there, `describe` says.
    **options
        Those in the description of the dataset.

    Returns
    -------
    Dataset

    Raises
    ------
    FileError
        If something is missing; the sentence names the path.
    InputError
        If there is no such dataset or option, or the option is not possible.
    """
    known = describe(name).options
    for option in options:
        if option not in known:
            offered = f"it has {', '.join(known)}" if known else "it has none; leave it out"
            raise InputError(f"The dataset {name} has no option {option}; {offered}.")
    module, function = _READERS[name].split(":")
    package = __name__.rpartition(".")[0]
    reader: Callable[..., Dataset] = getattr(import_module(f"{package}.{module}"), function)
    # another process may work in another folder
    return reader(name, Path(path).absolute(), **options)


def _check(name: str) -> None:
    """Say which datasets there are if this is none."""
    if name not in _READERS:
        raise InputError(f"The dataset {name!r} is unknown; choose one of {', '.join(_READERS)}.")
