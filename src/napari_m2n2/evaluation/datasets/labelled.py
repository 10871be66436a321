"""The user's own images: two folders of images and masks, or one image with its label image."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from napari_m2n2.errors import FileError
from napari_m2n2.evaluation.datasets.arrays import IMAGES, ending, stem
from napari_m2n2.evaluation.datasets.base import DOMAINS, Dataset
from napari_m2n2.evaluation.datasets.options import (
    check_ignore,
    check_most,
    check_numbers,
    check_text,
)
from napari_m2n2.evaluation.datasets.pairing import existing, pair_up
from napari_m2n2.evaluation.datasets.pictures import MaskFile, PictureCase

KINDS = ("object", "instance", "semantic")
PER_IMAGE = 5
_MASK_ENDS = ("_mask", "_labels", "_seg")


def mask_file(
    path: Path,
    kind: str,
    name: str = "",
    *,
    per_image: int | None = PER_IMAGE,
    labels: tuple[int, ...] | None = None,
    ignore: int | None = None,
) -> MaskFile:
    """Return how a mask of one of the `KINDS` is read.

    Parameters
    ----------
    path : Path
    kind : str
        "object": 1 is the object, 255 is unknown. "instance": each label is an object, and
        `per_image` of them are taken. "semantic": each label is an object, and all are taken.
    name : str
        Of the object.
    per_image : int, optional
        None takes all.
    labels : tuple of int, optional
        These labels, all of them, and no others.
    ignore : int, optional
        The label that means unknown.
    """
    if kind == "object":
        return MaskFile(path, "object", name or "object")
    most = per_image if kind == "instance" and labels is None else None
    return MaskFile(path, "labels", name, most, labels, ignore)


def open_folders(
    name: str,
    path: Path,
    *,
    kind: str = "instance",
    per_image: int | None = PER_IMAGE,
    labels: int | str | Iterable[int] | None = None,
    ignore: int | str | None = None,
    domain: str = "",
) -> Dataset:
    """Open a folder that holds the folders ``images`` and ``masks``.

    Parameters
    ----------
    name : str
    path : Path
        The dataset is called after it. Masks are called as their images, or ``IMAGE__OBJECT``
        where an image has several.
    kind, per_image, ignore
        As in `mask_file`.
    labels : int, sequence of int or text with commas, optional
        Labels to evaluate; all without it.
    domain : str
        "natural", "microscopy", "medical" or "".

    Raises
    ------
    FileError
        If a folder is missing.
    """
    check_text("kind", kind, KINDS)
    check_text("domain", domain, DOMAINS)
    most, only = check_most(per_image), check_numbers("labels", labels)
    unknown = check_ignore(ignore)
    existing(path, "give the folder that holds images and masks")
    expected = "folders needs the folders images and masks"
    images, masks = (existing(path / folder, expected) for folder in ("images", "masks"))
    dataset = path.resolve().name
    pairs, problems = pair_up(dataset, images, masks, several=True)
    cases = [
        PictureCase(
            dataset,
            domain,
            pair.name,
            pair.image,
            tuple(
                mask_file(mask, kind, label, per_image=most, labels=only, ignore=unknown)
                for label, mask in pair.masks
            ),
        )
        for pair in pairs
    ]
    return Dataset(name, tuple(cases), tuple(problems))


def open_image(
    name: str,
    path: Path,
    *,
    mask: str | Path | None = None,
    kind: str = "instance",
    per_image: int | None = PER_IMAGE,
    labels: int | str | Iterable[int] | None = None,
    ignore: int | str | None = None,
    domain: str = "",
) -> Dataset:
    """Open one image with its label image.

    Parameters
    ----------
    name : str
    path : Path
        The image.
    mask : path, optional
        Its label image; by default the file beside it whose name has ``_mask``, ``_labels`` or
        ``_seg`` before the ending, or the file of the same name in ``../masks``.
    kind, per_image, labels, ignore, domain
        As in `open_folders`.

    Raises
    ------
    FileError
        If a file is missing.
    """
    check_text("kind", kind, KINDS)
    check_text("domain", domain, DOMAINS)
    most, only = check_most(per_image), check_numbers("labels", labels)
    unknown = check_ignore(ignore)
    existing(path, "give an image")
    found = (
        _find_mask(path)
        if mask is None
        else existing(Path(mask).absolute(), "give its label image")
    )
    rule = mask_file(found, kind, per_image=most, labels=only, ignore=unknown)
    return Dataset(name, (PictureCase("image", domain, stem(path), path, (rule,)),))


def _find_mask(path: Path) -> Path:
    """Return the label image that belongs to an image by its name."""
    base = stem(path).removesuffix("_image")
    wanted = {base + end for end in _MASK_ENDS}
    beside = [p for p in sorted(path.parent.iterdir()) if stem(p) in wanted and p != path]
    masks = path.parent.parent / "masks"
    elsewhere = [p for p in sorted(masks.iterdir()) if stem(p) == base] if masks.is_dir() else []
    found = [p for p in beside + elsewhere if ending(p) in IMAGES]
    if len(found) != 1:
        names = f"{len(found)} label images" if found else "no label image"
        raise FileError(
            f"{path} has {names} beside it ({', '.join(base + end for end in _MASK_ENDS)}); "
            "name one with the option mask (--data mask=FILE)."
        )
    return found[0]
