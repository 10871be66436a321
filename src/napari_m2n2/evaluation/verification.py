"""Whether weights give the numbers of the paper: GrabCut with Stable Diffusion 2.

The target holds for the 768-pixel model of Stable Diffusion 2 alone, at grid 128, with the paper's
clicks and its conversion of the dataset, in which the unknown rim counts as object.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from napari_m2n2.evaluation.metrics import clicks_to
from napari_m2n2.evaluation.runs import Run, Settings

DATASET = "grabcut-m2n2"
OBJECTS = 50
TARGETS: Mapping[float, float] = {0.85: 1.62, 0.90: 1.90}
"""Threshold of IoU -> mean number of clicks (M2N2, Table 3)."""
TOLERANCE = 0.10


@dataclass(frozen=True)
class Verdict:
    """What a run says about the weights.

    Attributes
    ----------
    met : bool
        Whether every target is met by a run that is comparable with the paper's.
    found : mapping of float to float
        Threshold of IoU -> mean number of clicks; empty without objects.
    sentence : str
        The verdict for the user.
    """

    met: bool
    found: Mapping[float, float]
    sentence: str


def settings(*, device: str = "auto", weights: str | None = None) -> Settings:
    """Return how the paper's Table 3 was measured."""
    return Settings(
        backbone="stable-diffusion-2",
        method="m2n2",
        preset="published",
        grid=128,
        protocol="m2n2",
        clicks=20,
        device=device,
        weights=weights,
    )


def judge(run: Run) -> Verdict:
    """Compare a run on GrabCut with the paper.

    Parameters
    ----------
    run : Run
        Of `settings` on the dataset `DATASET`.
    """
    records = [record for record in run.objects if record.dataset == DATASET]
    if len(records) != OBJECTS or run.failures:
        return Verdict(
            False,
            _means(run) if records else {},
            f"No verdict: {len(records)} objects of GrabCut were evaluated, and the paper's "
            f"numbers are means over all {OBJECTS}; complete the folder and run it again.",
        )
    if not _comparable(run.settings):
        return Verdict(
            False,
            _means(run),
            "No verdict: the run was made with other settings than the paper's; give a run file "
            "of its own to this command.",
        )
    found = _means(run)
    # a hundredth's rounding error must not decide at the edge
    met = all(abs(found[t] - TARGETS[t]) <= TOLERANCE + 1e-9 for t in TARGETS)
    numbers = " and ".join(
        f"NoC@{100 * t:.0f} is {found[t]:.2f} (paper {TARGETS[t]:.2f})" for t in TARGETS
    )
    if met:
        return Verdict(True, found, f"Met: {numbers}, both within {TOLERANCE:.2f}.")
    return Verdict(
        False,
        found,
        f"Not met: {numbers}, and {TOLERANCE:.2f} is allowed; the target holds for the 768-pixel "
        "model of Stable Diffusion 2 alone (not 2-base, 2.1 or 2.1-base), so look first at which "
        "weights were used.",
    )


def _means(run: Run) -> dict[float, float]:
    """Return the mean number of clicks to each target."""
    return {
        target: float(np.mean([clicks_to(record.iou, target) for record in run.objects]))
        for target in TARGETS
    }


def _comparable(used: Settings) -> bool:
    """Return whether settings are the paper's, wherever they ran and wherever weights lay."""
    return used == settings(device=used.device, weights=used.weights)
