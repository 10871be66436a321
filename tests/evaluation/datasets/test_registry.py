"""The datasets by name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from napari_m2n2.errors import InputError
from napari_m2n2.evaluation.datasets import describe, names, open_dataset

NAMES = (
    "grabcut grabcut-m2n2 berkeley berkeley-m2n2 sbd sbd-classes davis brats brats-nifti oai-zib "
    "oai-zib-merged coco index folders image"
)
DOCS = Path(__file__).resolve().parents[3] / "docs" / "datasets.md"


def test_names() -> None:
    assert names() == tuple(NAMES.split())


@pytest.mark.parametrize("name", names())
def test_each_says_layout_origin_and_licence(name: str) -> None:
    found = describe(name)
    assert found.name == name
    assert all((found.title, found.layout, found.where, found.licence))
    assert f"`{name}`" in DOCS.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", names())
def test_each_option_is_in_the_manual(name: str) -> None:
    page = DOCS.read_text(encoding="utf-8")
    for option in describe(name).options:
        assert f"`{option}" in page, option


def test_unknown_name() -> None:
    for ask in (describe, lambda name: open_dataset(name, "x")):
        with pytest.raises(InputError, match=r"'gabcut' is unknown; choose one of grabcut, "):
            ask("gabcut")


def test_unknown_option(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="grabcut has no option per_image; it has none"):
        open_dataset("grabcut", tmp_path, per_image=3)
    with pytest.raises(InputError, match="index has no option kind; it has only, per_image"):
        open_dataset("index", tmp_path, kind="object")


def test_listing_the_names_loads_no_heavy_library() -> None:
    program = (
        "import sys; from napari_m2n2.evaluation.datasets import names, describe; "
        "[describe(name) for name in names()]; "
        "print(sorted({'cv2', 'scipy', 'skimage', 'torch', 'nibabel'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
