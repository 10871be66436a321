"""What a user has to know of each dataset: layout, where to get it, licence.

The terms are those that the makers state; who uses a dataset has to read them there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from napari_m2n2.evaluation.datasets.base import Description

_RITM = "the releases of SamsungLabs/fbrs_interactive_segmentation on GitHub ({})"
_SIMPLE = "the page of uncbiag/SimpleClick on GitHub links it ({})"
_M2N2 = "the same files as {}"
_ORIGINAL = "no licence is stated with the files; the terms of {} hold: research use"

_PER_IMAGE = "at most so many objects of an image, evenly over the ranks of area"
_DOMAIN = "natural, microscopy, medical, or nothing"
_OWN_MASKS = {
    "kind": "object (1 object, 255 unknown), instance or semantic",
    "per_image": f"{_PER_IMAGE}; 5 for instances",
    "labels": "these labels, and no others",
    "ignore": "the label that means unknown",
    "domain": _DOMAIN,
}
_OWN = ("your own files", "yours")

_ALL = (
    Description(
        "grabcut",
        "GrabCut, 50 photographs; 128 in a mask is unknown",
        "PATH/data_GT/NAME.jpg, .bmp or .png and PATH/boundary_GT/NAME.bmp",
        _RITM.format("GrabCut.zip"),
        _ORIGINAL.format("GrabCut (Microsoft Research Cambridge)"),
    ),
    Description(
        "grabcut-m2n2",
        "GrabCut as M2N2's evaluation converts it; 128 counts as object",
        "as grabcut",
        _M2N2.format("grabcut"),
        "as grabcut",
    ),
    Description(
        "berkeley",
        "Berkeley, 100 objects in 96 photographs",
        "PATH/images/NAME.jpg and PATH/masks/NAME.png",
        _RITM.format("Berkeley.zip"),
        _ORIGINAL.format("BSDS (non-commercial research and education)"),
    ),
    Description(
        "berkeley-m2n2",
        "Berkeley as M2N2's evaluation converts it; all that is not 0 counts as object",
        "as berkeley",
        _M2N2.format("berkeley"),
        "as berkeley",
    ),
    Description(
        "sbd",
        "SBD, the instances of the validation images",
        "img/NAME.jpg, inst/NAME.mat and val.txt in PATH, PATH/dataset or "
        "PATH/benchmark_RELEASE/dataset",
        "the page of the Semantic Boundaries Dataset (benchmark.tgz), or torchvision",
        "no licence is stated with the annotations; the photographs are those of PASCAL VOC 2011 "
        "(terms of flickr)",
        {"split": "name of the list of images, val without it", "per_image": _PER_IMAGE},
    ),
    Description(
        "sbd-classes",
        "SBD as M2N2's evaluation converts it; each class of an image is one object",
        "as sbd, with cls/NAME.mat in place of inst",
        _M2N2.format("sbd"),
        "as sbd",
        {"split": "name of the list of images, val without it", "per_image": _PER_IMAGE},
    ),
    Description(
        "davis",
        "DAVIS-345, frames of videos; all objects of a frame are one",
        "PATH/img/NAME.jpg and PATH/gt/NAME.png",
        _RITM.format("DAVIS.zip"),
        _ORIGINAL.format("DAVIS"),
    ),
    Description(
        "brats",
        "BraTS 2020 as slices, as SimpleClick made them; the whole tumour",
        "PATH/image/NAME.png and PATH/annotation/NAME.png",
        _SIMPLE.format("BraTS20"),
        "the terms of BraTS: registration, research use, no redistribution",
    ),
    Description(
        "brats-nifti",
        "BraTS as volumes; of each patient the slice with the largest tumour",
        "a folder for each patient below PATH with NAME_flair.nii.gz and NAME_seg.nii.gz (to "
        "2021), or NAME-t2f.nii.gz and NAME-seg.nii.gz (later); .nii does as well",
        "the pages of the BraTS challenge, after registration",
        "the terms of BraTS: registration, research use",
        {"modality": "flair (without it), t1, t1ce or t2"},
    ),
    Description(
        "oai-zib",
        "OAI-ZIB as slices of knees, as SimpleClick made them; each label is an object",
        "image/NAME.png and annotations/NAME.png in PATH or PATH/test",
        _SIMPLE.format("OAI-ZIB"),
        "the terms of the Osteoarthritis Initiative (images) and of the Zuse Institute (masks)",
    ),
    Description(
        "oai-zib-merged",
        "OAI-ZIB as M2N2's evaluation converts it; all labels of a slice are one object",
        "as oai-zib",
        _M2N2.format("oai-zib"),
        "as oai-zib",
    ),
    Description(
        "coco",
        "any JSON file in the format of COCO, polygons or run lengths",
        "PATH is the JSON file; the images lie in images, or in a folder called as the split "
        "(val2017), beside it or one folder above",
        "cocodataset.org, or any program that exports the format",
        "of COCO itself: annotations CC BY 4.0, photographs under the terms of flickr",
        {
            "images": "the folder of the images",
            "domain": _DOMAIN,
            "per_image": f"{_PER_IMAGE}; all without it",
        },
    ),
    Description(
        "index",
        "a CSV file that lists images and masks of any datasets",
        "PATH is the CSV file with the columns dataset, domain, kind, object, image, mask; the "
        "paths in it are relative to its folder",
        *_OWN,
        {"only": "names of datasets", "per_image": f"{_PER_IMAGE}; 5 without it"},
    ),
    Description(
        "folders",
        "two folders, one of images and one of masks",
        "PATH/images/NAME and PATH/masks/NAME, or PATH/masks/NAME__OBJECT where an image has "
        "several masks; the endings may differ",
        *_OWN,
        _OWN_MASKS,
    ),
    Description(
        "image",
        "one image with its label image",
        "PATH is the image; the label image is NAME_mask, NAME_labels or NAME_seg beside it, or "
        "../masks/NAME",
        *_OWN,
        {"mask": "the label image", **_OWN_MASKS},
    ),
)

DESCRIPTIONS: Final[Mapping[str, Description]] = {one.name: one for one in _ALL}
"""Name of each dataset -> its description."""
