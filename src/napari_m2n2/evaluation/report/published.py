"""The published rows that a run is read next to, and what makes them differ from it.

NoC in clicks (20 if never), IoU in per cent, digits as printed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

KINDS = {
    "classic": "classic",
    "TF": "training-free",
    "PL": "trained on pseudo-labels",
    "sup": "supervised",
}
"""How a method was trained, by the short name of the table below."""

PAPERS = {
    "M2N2": "Karmann and Urfalioglu, Repurposing Stable Diffusion Attention for Training-Free "
    "Unsupervised Interactive Segmentation, CVPR 2025",
    "M2N2 README": "README of M2N2's released code: the authors' own run of it",
    "MIS": "Li et al., Multi-granularity Interaction Simulation for Unsupervised Interactive "
    "Segmentation, ICCV 2023, with its appendix",
    "CDNet": "Chen et al., Conditional Diffusion for Interactive Segmentation, ICCV 2021",
    "ClickSEG": "the code ClickSEG, by the authors of CDNet",
}
"""The source of a row in full."""

_NATURAL = ("GrabCut", "Berkeley", "SBD", "DAVIS")

# NoC85/NoC90 on GrabCut, Berkeley, SBD, DAVIS. Rows that M2N2 took from other papers are named by
# "M2N2" too, since that is where they were read.
_ROWS = """
GraphCut | classic | 7.98/10.00 | –/14.22 | 13.60/15.96 | 15.13/17.41 | M2N2, CDNet
Random Walk | classic | 11.36/13.77 | –/14.02 | 12.22/15.04 | 16.71/18.31 | M2N2, CDNet
Geodesic Matting | classic | 13.32/14.57 | –/15.96 | 15.36/17.60 | 18.59/19.50 | M2N2, CDNet
GSC | classic | 7.10/9.12 | –/12.57 | 12.69/15.31 | 15.35/17.52 | M2N2, CDNet
ESC | classic | 7.24/9.20 | –/12.11 | 12.21/14.86 | 15.41/17.70 | M2N2, CDNet
Growcut | classic | –/16.74 | –/18.25 | – | – | CDNet
Attention-NN SD2 | TF | 5.48/7.16 | 6.45/9.61 | 11.67/14.97 | 9.66/13.12 | M2N2
KL-NN SD2 | TF | 3.80/5.32 | 5.11/7.71 | 10.78/14.00 | 7.60/10.89 | M2N2
M2N2 no flood fill SD2 | TF | 3.06/4.50 | 4.80/6.51 | 9.16/12.26 | 5.50/7.42 | M2N2
M2N2 ViT-B (DINOv2) | TF | 1.92/3.40 | 3.55/5.68 | 7.94/11.53 | 6.85/10.86 | M2N2
M2N2 SD1.1 | TF | 1.84/2.20 | 2.90/4.93 | 8.56/11.66 | 5.16/7.80 | M2N2
M2N2 SD2 | TF | 1.62/1.90 | 2.45/3.88 | 7.72/10.94 | 4.60/6.72 | M2N2
M2N2 SD2, run again | TF | 1.62/1.90 | 2.45/3.87 | 7.71/10.95 | 4.58/6.74 | M2N2 README
TokenCut | PL | 3.04/5.74 | 6.30/9.97 | 10.82/13.16 | 10.56/15.01 | M2N2
FreeMask | PL | 4.06/6.10 | 5.55/9.02 | 8.61/12.01 | 8.26/13.05 | M2N2
DSM S/16 | PL | 3.64/4.64 | 5.49/7.75 | 8.59/11.57 | 7.08/10.11 | M2N2, MIS
DSM S/8 | PL | 4.42/5.16 | 6.07/7.87 | 8.62/11.66 | 8.17/10.35 | MIS
MIS ViT-B | PL | 1.94/2.32 | 3.09/4.58 | 6.91/9.51 | 6.33/8.44 | M2N2, MIS
MIS w/o connectivity | PL | 2.12/2.52 | 3.08/4.69 | 6.88/9.46 | 5.63/7.56 | MIS
MIS DINO S/16 | PL | 2.00/2.52 | 3.17/5.24 | 7.02/9.71 | 6.51/9.10 | MIS
MIS DINO B/8 | PL | 2.14/2.58 | 3.52/5.10 | 7.05/9.70 | 6.52/8.74 | MIS
MIS DINO B/16 | PL | 2.02/2.34 | 3.01/4.81 | 6.88/9.55 | 6.27/8.63 | MIS
MIS MoCov3 S/16 | PL | 1.88/2.34 | 3.01/4.71 | 6.96/9.60 | 6.09/8.26 | MIS
MIS DINOv2 S/14 | PL | 2.00/2.80 | 3.61/5.64 | 6.73/9.39 | 6.76/10.26 | MIS
DOS w/o GC | sup | 8.02/12.59 | – | 14.30/16.79 | 12.52/17.11 | CDNet
DOS with GC | sup | 5.08/6.08 | – | 9.22/12.80 | 9.03/12.58 | CDNet
Latent diversity | sup | 3.20/4.79 | – | 7.41/10.78 | 5.05/9.57 | CDNet
RIS-Net | sup | –/5.00 | – | 6.03/– | – | CDNet
CM guidance | sup | –/3.58 | –/5.60 | – | – | CDNet
BRS | sup | 2.60/3.60 | –/5.08 | 6.59/9.78 | 5.58/8.24 | CDNet
f-BRS-B-50 | sup | 2.50/2.98 | –/4.34 | 5.06/8.08 | 5.39/7.81 | CDNet
CDNet R50 SBD | sup | 2.22/2.64 | –/3.69 | 4.37/7.87 | 5.17/6.66 | CDNet
CDNet R34 SBD (ClickSEG) | sup | 1.86/2.18 | 1.95/3.27 | 5.18/7.89 | 5.00/6.89 | ClickSEG
CDNet R34 COCO+LVIS (ClickSEG) | sup | 1.40/1.52 | 1.47/2.06 | 4.30/7.04 | 4.27/5.56 | ClickSEG
SimpleClick ViT-B | sup | 1.40/1.54 | 1.44/2.46 | 3.28/5.24 | 4.10/5.48 | M2N2
SimpleClick ViT-H | sup | 1.32/1.44 | 1.36/2.09 | 2.51/4.15 | 4.20/5.34 | M2N2
CPlot ViT-B | sup | 1.34/1.48 | 1.40/2.18 | 3.05/4.95 | 4.00/5.29 | M2N2
CFR-ICL ViT-H | sup | –/1.42 | –/1.74 | –/4.45 | –/4.77 | M2N2
FocalClick B0-S2 | sup | –/1.90 | –/3.14 | 4.34/6.51 | –/7.06 | M2N2
InterFormer-Tiny | sup | –/1.36 | –/2.53 | 3.25/5.51 | –/5.21 | M2N2
OIS ViT-B | sup | – | – | – | –/3.80 | M2N2
"""

# NoC80/NoC85/IoU@5/IoU@10
_MEDICAL = """
SimpleClick | sup | BraTS | –/–/–/87 | M2N2
SimpleClick | sup | BraTS | 7.75/9.63/63.08/84.79 | MIS
MIS | PL | BraTS | 6.55/9.11/77.70/84.90 | MIS
M2N2 SD2 | TF | BraTS | –/–/–/70 | M2N2
SimpleClick | sup | OAI-ZIB | –/–/–/76 | M2N2
SimpleClick | sup | OAI-ZIB | 15.82/18.29/31.78/57.92 | MIS
MIS | PL | OAI-ZIB | 15.90/18.48/47.87/66.31 | MIS
M2N2 SD2 | TF | OAI-ZIB | –/–/–/66 | M2N2
"""

_REMARKS = {
    ("M2N2", "GrabCut"): "counts the uncertain band along the outline as object",
    ("M2N2", "SBD"): "most likely clicked class masks, not single instances",
    ("M2N2", "OAI-ZIB"): "all labels of a slice merged into one object",
    ("MIS", "OAI-ZIB"): "each label of a slice clicked for itself",
}
METRICS = ("NoC80", "NoC85", "NoC90", "IoU@5", "IoU@10")
"""What published rows hold."""


@dataclass(frozen=True)
class Published:
    """A method's published numbers on one dataset.

    Attributes
    ----------
    method, dataset : str
        As the papers name them.
    kind : str
        One of the values of `KINDS`.
    values : mapping of str to str
        Metric -> number as printed.
    source : str
        Keys of `PAPERS`, separated by a comma.
    remark : str
        What to know before comparing; empty if nothing.
    protocol : str
        How it was clicked, "ritm" or "m2n2".
    """

    method: str
    dataset: str
    kind: str
    values: dict[str, str]
    source: str
    remark: str
    protocol: str


@dataclass(frozen=True)
class Benchmark:
    """The published dataset that one of ours is, or is a part or a relative of.

    Attributes
    ----------
    name : str
        As the papers name it.
    objects : int
        How many objects the papers clicked; 0 if they do not agree.
    remark : str
        What ours does otherwise, as a sentence; empty if nothing.
    """

    name: str
    objects: int
    remark: str = ""


_BAND = "The uncertain band along the outline is left out, as most papers do and M2N2 does not."
_BAND_IN = "The uncertain band along the outline counts as object, as in M2N2 and in no other."
_SLICES = "Other slices than the 369 of the papers, and other patients."

# the first whose key begins the name of a dataset
_BENCHMARKS = {
    "grabcut-m2n2": Benchmark("GrabCut", 50, _BAND_IN),
    "grabcut": Benchmark("GrabCut", 50, _BAND),
    "berkeley-m2n2": Benchmark("Berkeley", 100, _BAND_IN),
    "berkeley": Benchmark("Berkeley", 100),
    "sbd-classes": Benchmark("SBD", 0, "Class masks, as M2N2's script most likely had them."),
    "sbd": Benchmark("SBD", 6671),
    "davis": Benchmark("DAVIS", 345),
    "brats-nifti": Benchmark("BraTS", 369, _SLICES),
    "brats2012": Benchmark("BraTS", 369, _SLICES),
    "brats2015": Benchmark("BraTS", 369, _SLICES),
    "brats2018": Benchmark("BraTS", 369, _SLICES),
    "brats": Benchmark("BraTS", 369),
    "oai-zib-merged": Benchmark("OAI-ZIB", 150, "All labels of a slice merged, as in M2N2."),
    "oai-zib": Benchmark("OAI-ZIB", 0, "Each label of a slice for itself, as in MIS."),
    "knee_oai_zib": Benchmark("OAI-ZIB", 0, "One knee only: it shows that it runs, no more."),
}


def benchmark_of(dataset: str) -> Benchmark | None:
    """Return the published dataset that a dataset of ours belongs to, None if to none."""
    name = dataset.lower()
    return next((found for key, found in _BENCHMARKS.items() if name.startswith(key)), None)


def differences(dataset: str, objects: int, protocol: str) -> tuple[str, ...]:
    """Return sentences on what keeps a run's numbers from being like for like with papers'."""
    found = benchmark_of(dataset)
    if found is None:
        return ()
    said = [found.remark] if found.remark else []
    if found.objects and objects != found.objects:
        said.append(f"{objects} objects here, {found.objects} in the papers.")
    if protocol == "ritm":
        said.append("Clicked as most papers do (ritm); M2N2's own rows were clicked otherwise.")
    else:
        said.append("Clicked as M2N2 does; rows of other papers were clicked otherwise (ritm).")
    return tuple(said)


def _rows() -> Iterator[Published]:
    """Yield every published row."""
    for line in _ROWS.strip().splitlines():
        method, kind, *cells, source = (part.strip() for part in line.split("|"))
        for dataset, cell in zip(_NATURAL, cells, strict=True):
            yield from _row(method, kind, dataset, ("NoC85", "NoC90"), cell, source)
    for line in _MEDICAL.strip().splitlines():
        method, kind, dataset, cell, source = (part.strip() for part in line.split("|"))
        names = ("NoC80", "NoC85", "IoU@5", "IoU@10")
        yield from _row(method, kind, dataset, names, cell, source)


def _row(
    method: str, kind: str, dataset: str, names: Sequence[str], cell: str, source: str
) -> Iterator[Published]:
    """Yield the row of one cell such as 1.62/1.90, nothing for an empty one."""
    values = {
        name: value for name, value in zip(names, cell.split("/"), strict=False) if value != "–"
    }
    if not values:
        return
    first = source.split(",")[0]
    own = kind == "TF"  # M2N2's table repeats the rows of the others as they were printed
    medical = dataset in ("BraTS", "OAI-ZIB")
    remark = _REMARKS.get((first.split()[0], dataset), "") if own or medical else ""
    yield Published(
        method, dataset, KINDS[kind], values, source, remark, "m2n2" if own else "ritm"
    )


ROWS: tuple[Published, ...] = tuple(_rows())
"""Every published row, in the order of the papers' tables."""


def rows_of(dataset: str) -> tuple[Published, ...]:
    """Return the rows of a published dataset, such as "GrabCut"."""
    return tuple(row for row in ROWS if row.dataset == dataset)
