"""The ablations of M2N2 (CVPR 2025): its Tables 1 and 2 and the sweeps of its Figure 4.

A study is a list of settings that differ from one base in one thing each. What is not a matter of
the backbone at hand, such as the diffusion step of one that is no diffusion model, is left out
with a sentence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from napari_m2n2 import devices
from napari_m2n2.attention.registry import default_grid
from napari_m2n2.errors import InputError
from napari_m2n2.evaluation.metrics import clicks_to
from napari_m2n2.evaluation.runs import Record, Run, Settings
from napari_m2n2.evaluation.statistics import bootstrap_interval, paired_difference

TABLES = ("1", "2", "figure4")
"""What of the paper can be run."""

SWEEPS = ("grid", "timestep", "temperature", "tau")
"""The parameters that Figure 4 varies."""

_BLOCKS: tuple[tuple[str, Mapping[str, float], tuple[float, float]], ...] = (
    ("down0", {"down0": 1.0}, (11.34, 15.25)),
    ("down1", {"down1": 1.0}, (9.38, 13.18)),
    ("up0", {"up0": 1.0}, (4.86, 6.90)),
    ("up1", {"up1": 1.0}, (4.79, 7.10)),
    ("up2", {"up2": 1.0}, (6.00, 9.02)),
)

_WITHOUT: Mapping[str, Mapping[str, Any]] = {
    "prior": {"area_prior": 1.0},
    "edge": {"edge_score": False, "image_edge": 0.0},
    "pos": {"positive_score": False},
    "neg": {"negative_score": False},
}
_SCORES: tuple[tuple[str, str, tuple[str, ...], tuple[float, float]], ...] = (
    ("no scores", "no-scores", tuple(_WITHOUT), (6.47, 10.29)),
    ("without s_prior", "no-prior", ("prior",), (4.67, 6.81)),
    ("without s_edge", "no-edge", ("edge",), (7.20, 9.99)),
    ("without s_pos", "no-pos", ("pos",), (4.92, 6.87)),
    ("without s_neg", "no-neg", ("neg",), (5.46, 8.66)),
)
_PUBLISHED_BASE = (4.60, 6.72)

_VALUES: Mapping[str, tuple[Any, ...]] = {
    "grid": (32, 48, 64, 80, 96, 112, 128),
    "timestep": (1, 50, 100, 200, 300, 500, 700),
    "temperature": (0.4, 0.5, 0.65, 0.8, 1.0, 1.5),
    "tau": (0.1, 0.2, 0.3, 0.5, 0.7),
}
_PAPER: Mapping[str, Any] = {"timestep": 100, "temperature": 0.65, "tau": 0.3}
"""What the base has where nobody set it; each preset has the same."""


@dataclass(frozen=True)
class Variant:
    """One row of an ablation.

    Attributes
    ----------
    key : str
        Its name in a file's name; equal settings have equal keys in all studies.
    label : str
        Its name in the table.
    settings : Settings
        How to run it.
    published : (float, float), optional
        NoC@85 and NoC@90 in the paper, on DAVIS with Stable Diffusion 2.
    """

    key: str
    label: str
    settings: Settings
    published: tuple[float, float] | None = None


@dataclass(frozen=True)
class Study:
    """One table, or one curve of the figure.

    Attributes
    ----------
    title : str
        What it is called.
    variants : tuple of Variant
        Its rows; empty if it says nothing about this backbone.
    remark : str
        One sentence: what the reader has to know, or why there is no row.
    """

    title: str
    variants: tuple[Variant, ...]
    remark: str


def studies(table: str, base: Settings, sweeps: Sequence[str] = SWEEPS) -> tuple[Study, ...]:
    """Return what has to be run for a table of the paper.

    Parameters
    ----------
    table : str
        One of `TABLES`.
    base : Settings
        What all variants share; the paper's own are ``preset="published"``, ``protocol="m2n2"``
        and 20 clicks.
    sweeps : sequence of str
        For ``"figure4"``: which of `SWEEPS`.

    Raises
    ------
    InputError
        If a name is unknown, or the method has no such parameters.
    """
    if table not in TABLES:
        raise InputError(f"The table {table!r} is unknown; choose one of {', '.join(TABLES)}.")
    for name in sweeps:
        if name not in SWEEPS:
            raise InputError(f"The sweep {name!r} is unknown; choose among {', '.join(SWEEPS)}.")
    if base.method != "m2n2":
        raise InputError(f"The ablations are those of m2n2, not of {base.method}; leave it out.")
    if table == "1":
        return (_table_1(base),)
    if table == "2":
        return (_table_2(base),)
    return tuple(_sweep(name, base) for name in SWEEPS if name in sweeps)


def is_diffusion(backbone: str) -> bool:
    """Return whether a backbone has the blocks and the time steps of Stable Diffusion."""
    return backbone.startswith("stable-diffusion")


def markdown(study: Study, runs: Mapping[str, Run]) -> str:
    """Return a study as a Markdown table, with the paper's numbers beside.

    Parameters
    ----------
    study : Study
    runs : mapping of str to Run
        By `Variant.key`; "base", where it is among them, is what the differences refer to.
    """
    lines = [f"### {study.title}", "", study.remark, ""]
    records = [record for run in runs.values() for record in run.objects]
    datasets = list(dict.fromkeys(record.dataset for record in records))
    for dataset in datasets if study.variants else ():
        lines += [
            f"| {dataset} | objects | NoC@85 | NoC@90 | difference of NoC@90 "
            f"| IoU@{len(records[0].iou)} | paper (DAVIS, SD2) NoC@85 / NoC@90 |",
            "|---|---|---|---|---|---|---|",
        ]
        base = _of(runs.get("base"), dataset)
        lines += [
            _row(variant, _of(runs.get(variant.key), dataset), base) for variant in study.variants
        ]
        lines.append("")
    return "\n".join(lines)


def _table_1(base: Settings) -> Study:
    """Return Table 1: which self-attention block."""
    title = "Table 1: attention blocks"
    if not is_diffusion(base.backbone):
        return Study(
            title, (), f"{base.backbone} has no such blocks: they are those of Stable Diffusion."
        )
    rows = [
        _changed(base, name, f"blocks-{name}", published, blocks=dict(weights))
        for name, weights, published in _BLOCKS
    ]
    together = {"up0": 0.5, "up1": 0.5}
    if base.parameters.get("blocks") in (None, together):
        last = Variant("base", "up0 + up1", base, _PUBLISHED_BASE)
    else:
        last = _changed(base, "up0 + up1", "blocks-up0-up1", _PUBLISHED_BASE, blocks=together)
    return Study(title, (*rows, last), "One block alone, and the two that M2N2 takes.")


def _table_2(base: Settings) -> Study:
    """Return Table 2: which scores choose the threshold."""
    rows = []
    for label, key, names, published in _SCORES:
        changes: dict[str, Any] = {}
        for name in names:
            changes |= _WITHOUT[name]
        if len(names) == len(_WITHOUT):
            changes |= {"area_power": 0.0, "min_area": 0}
        rows.append(_changed(base, label, key, published, **changes))
    rows.append(Variant("base", "all scores", base, _PUBLISHED_BASE))
    return Study(
        "Table 2: scores of the threshold",
        tuple(rows),
        "Without any score the threshold is 0.5; of equal candidates the smallest segment wins.",
    )


def _sweep(name: str, base: Settings) -> Study:
    """Return one curve of Figure 4."""
    title = f"Figure 4: {name}"
    if name == "timestep" and not is_diffusion(base.backbone):
        return Study(title, (), f"{base.backbone} is no diffusion model and has no time step.")
    rows = []
    for value in _VALUES[name]:
        if name == "grid":
            own = base.grid or default_grid(base.backbone, devices.resolve(base.device))
            same, changed = own == value, replace(base, grid=value)
        else:
            same = base.parameters.get(name, _PAPER[name]) == value
            changed = replace(base, parameters={**base.parameters, name: value})
        rows.append(
            Variant("base", f"{value:g}", base)
            if same
            else Variant(f"{name}-{value:g}", f"{value:g}", changed)
        )
    return Study(
        title, tuple(rows), "The paper shows this as a curve without printing its values."
    )


def _changed(
    base: Settings, label: str, key: str, published: tuple[float, float], **changes: Any
) -> Variant:
    """Return a row whose parameters differ from those of the base."""
    settings = replace(base, parameters={**base.parameters, **changes})
    return Variant(key, label, settings, published)


def _of(run: Run | None, dataset: str) -> dict[tuple[str, str], Record]:
    """Return the records of one dataset by image and object."""
    objects = () if run is None else run.objects
    return {(r.image, r.object): r for r in objects if r.dataset == dataset}


def _row(
    variant: Variant,
    own: Mapping[tuple[str, str], Record],
    base: Mapping[tuple[str, str], Record],
) -> str:
    """Return one line of a table."""
    published = "–" if variant.published is None else "{:.2f} / {:.2f}".format(*variant.published)
    if not own:
        return f"| {variant.label} | 0 | – | – | – | – | {published} |"
    cells = [str(len(own))]
    for target in (0.85, 0.90):
        noc = bootstrap_interval([float(clicks_to(r.iou, target)) for r in own.values()])
        cells.append(f"{noc.mean:.2f} ({noc.low:.2f} to {noc.high:.2f})")
    cells.append("–" if variant.key == "base" or not base else _difference(own, base))
    cells.append(f"{np.mean([r.iou[-1] for r in own.values()]):.3f}")
    return f"| {variant.label} | " + " | ".join(cells) + f" | {published} |"


def _difference(
    own: Mapping[tuple[str, str], Record], base: Mapping[tuple[str, str], Record]
) -> str:
    """Return by how many clicks a variant is worse than the base, over the objects of both."""
    clicks = [
        {key: float(clicks_to(r.iou, 0.90)) for key, r in records.items()}
        for records in (own, base)
    ]
    if not clicks[0].keys() & clicks[1].keys():
        return "–"
    found = paired_difference(*clicks)
    return f"{found.mean:+.2f} ({found.low:+.2f} to {found.high:+.2f})"
