"""The benchmarks that are two folders of pictures: GrabCut, Berkeley, DAVIS, BraTS, OAI-ZIB.

The layouts and the meaning of the masks are those of the readers of RITM (Sofiiuk et al., 2022)
and SimpleClick (Liu et al., 2023); the names that end in ``-m2n2``, and ``oai-zib-merged``, are
the conversion of M2N2's evaluation.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from napari_m2n2.evaluation.datasets.base import Dataset
from napari_m2n2.evaluation.datasets.pairing import existing, first_existing, pair_up
from napari_m2n2.evaluation.datasets.pictures import Kind, MaskFile, PictureCase

_PICTURES = (".png", ".jpg", ".jpeg", ".bmp")


@dataclass(frozen=True)
class _Layout:
    """Where a benchmark keeps its files.

    Attributes
    ----------
    roots : tuple of str
        Where below PATH the two folders may lie.
    images : str
    masks : tuple of str
        Names that the folder of masks may have.
    kind : str
        What the numbers in the masks mean.
    domain : str
    object : str
        Name of the object.
    """

    roots: tuple[str, ...]
    images: str
    masks: tuple[str, ...]
    kind: Kind
    domain: str
    object: str = "object"


_GRABCUT = (("",), "data_GT", ("boundary_GT",))
_BERKELEY = (("",), "images", ("masks",))
_OAI_ZIB = (("", "test", "iseg_slices/test"), "image", ("annotations", "annotation"))

_LAYOUTS = {
    "grabcut": _Layout(*_GRABCUT, "grabcut", "natural"),
    "grabcut-m2n2": _Layout(*_GRABCUT, "above zero", "natural"),
    "berkeley": _Layout(*_BERKELEY, "grabcut", "natural"),
    "berkeley-m2n2": _Layout(*_BERKELEY, "above zero", "natural"),
    "davis": _Layout(("",), "img", ("gt",), "above zero", "natural"),
    "brats": _Layout(
        ("",), "image", ("annotation", "annotations"), "above zero", "medical", "whole_tumour"
    ),
    "oai-zib": _Layout(*_OAI_ZIB, "labels", "medical", ""),
    "oai-zib-merged": _Layout(*_OAI_ZIB, "above zero", "medical", "merged"),
}


def open_pictures(name: str, path: Path) -> Dataset:
    """Open a benchmark of images and masks in two folders.

    Parameters
    ----------
    name : str
        Name of the dataset.
    path : Path
        The folder that holds both.

    Raises
    ------
    FileError
        If a folder is missing.
    """
    layout = _LAYOUTS[name]
    existing(path, f"give the folder that holds {layout.images} and {layout.masks[0]} of {name}")
    expected = f"{name} needs the folders {layout.images} and {layout.masks[0]}"
    roots = [path / root for root in layout.roots]
    images = first_existing([root / layout.images for root in roots], expected)
    masks = first_existing([images.parent / folder for folder in layout.masks], expected)
    pairs, problems = pair_up(name, images, masks, endings=_PICTURES)
    cases = [
        PictureCase(
            name,
            layout.domain,
            pair.name,
            pair.image,
            tuple(MaskFile(mask, layout.kind, layout.object) for _, mask in pair.masks),
        )
        for pair in pairs
    ]
    return Dataset(name, tuple(cases), tuple(problems))
