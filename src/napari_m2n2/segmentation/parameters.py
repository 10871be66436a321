"""The parameters of M2N2 and its baselines, and the presets that name a choice of them.

Imports nothing heavy, so that a widget or a command line can list the choices at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from napari_m2n2.attention.registry import default_grid
from napari_m2n2.errors import InputError
from napari_m2n2.segmentation.registry import METHODS


@dataclass(frozen=True)
class Parameters:
    """How an attention becomes a mask.

    Attributes
    ----------
    grid : int
        R, cells along the side of the attention grid. More cells follow finer outlines; memory
        grows with the fourth power. `napari_m2n2.attention.registry.default_grid` has defaults.
    temperature : float
        T > 0, M2N2 §3.2: each row becomes softmax(log A / T). Below 1 sharpens.
    ipf_rounds : int
        Most rounds of iterative proportional fitting, which makes rows and columns sum to 1.
    ipf_tolerance : float
        The rounds end when no column sum is further than this from 1; 0 does all rounds.
    walk : {"plain", "spectral"}
        Walk step by step, or, where the attention is reversible, through the leading eigenvectors
        (`napari_m2n2.markov.reversible`), which is many times faster.
    storage : {"single", "half"}
        How many digits of the transition matrix are kept. "half" takes half the memory while a
        plane is open, on a processor and for ``walk="plain"`` only; each entry is then right to
        5e-4 of itself (`napari_m2n2.markov.product.halved`).
    tau : float
        τ in (0, 1), M2N2 Eq. 6: a cell counts as reached when its probability exceeds τ of the
        largest one.
    max_steps : int
        Most steps of a Markov chain; cells not reached keep this value.
    start : {"published", "aligned"}
        Which cell a pixel lies in: the published implementation's rule, or the one where the
        corners of pixels and cells agree (half a cell apart at the borders).
    upsampling : {"dense", "fast"}
        Joint bilateral upsampling with every offset in the disk, or with a sample of them.
    close_calls : float
        After an upsampling with a sample of the offsets, thresholds whose scores are within this
        share of the best are decided with every offset
        (`napari_m2n2.segmentation.close_calls`); 0 leaves it to the sample.
    sigma_space : float
        Spatial standard deviation of the upsampling in cells.
    sigma_range : float
        Standard deviation of the upsampling in colour, for colours in [0, 1].
    most_pixels : int
        A larger plane is reduced to this many for all but its outline
        (`napari_m2n2.segmentation.large`); 0 sets no limit, as published.
    choice_cell : float
        Pixels along the side of a cell that λ is chosen by where cells are larger
        (`napari_m2n2.segmentation.coarse`); 0 chooses by all pixels, as published.
    stretch_guide : bool
        Whether the image that guides the upsampling is stretched between its percentiles first.
    flood : bool
        Whether distances are flood-filled from the prompt (M2N2 §3.4): segments are connected.
    area_prior : float
        Largest share of the plane one prompt may take by itself, M2N2 §3.5.
    edge_bins : int
        Steps the gradient of the map is rounded to; 0 does not round.
    image_edge : float
        Weight exponent of the image's own gradient along the outline in the choice of λ; 0 leaves
        it out, as published.
    area_power : float
        Exponent by which small segments are preferred in the choice of λ, score × area^(-power);
        0 leaves it out, as published.
    min_area : int
        Segments of fewer pixels are no candidates in the choice of λ; 0 allows all, as published.
    belief : float
        β: a single click means the segment of highest expected overlap, one that scores twice as
        high being believed 2^β times as much (`napari_m2n2.segmentation.belief`); 0 takes the one
        of highest score, as published.
    centre : float
        Exponent of how near a click is to the middle of a segment, in those beliefs.
    correction : float
        κ: a further point changes the mask before it in one place, and at most κ π r² pixels if it
        lies r pixels within the mistake (`napari_m2n2.segmentation.editing`), so that the order of
        points counts; 0 segments all points anew, as published.
    correction_share : float
        s: nor more than s / n of the mask's area for the n-th point; 0 leaves that out.
    outline : {"map", "graph-cut"}
        Where the outline lies: where the map says, as published, or on the best edges of the image
        in a band around that (`napari_m2n2.segmentation.outline`).
    outline_band : float
        Half the width of the band as a share of the square root of the object's area.
    zoom : {"off", "auto"}
        Whether attention is taken again on a crop around an object that spans few cells
        (`napari_m2n2.segmentation.zoom`); the order of points counts then.
    zoom_cells : float
        An object is zoomed into if its rectangle is that of a square of fewer cells along a side.
    zoom_margin : float
        Sides of the crop in sides of the object's rectangle.
    zoom_grid : int
        R of a crop.
    zoom_scales : int
        How many times the plane is halved around a first click to find out how large a thing it
        means (`napari_m2n2.segmentation.scale`).
    entropy : float
        λ of iSeg's entropy-reduced attention (`napari_m2n2.segmentation.entropy`), with the
        natural logarithm; the published program's `ent` is 2.303 times as much.
    refine_rounds : int
        Most rounds of iSeg's refinement (`napari_m2n2.segmentation.propagation`) of one mark.
    walk_steps : float
        k of the walk P^k that is cut (`napari_m2n2.segmentation.ncut`); rounded, the steps that
        carry the conditional affinity.
    cut_graph : {"walk", "cosine", "dot", "divergence", "features"}
        What connects two cells where the walk is cut (`napari_m2n2.segmentation.walks.Kind`).
    cut_threshold : float
        τ in [0, 1) for one step: regions to begin with are those whose cuts cost less; 0 chooses
        it by the costs (`napari_m2n2.segmentation.ncut.automatic_count`).
    merge_threshold : float
        τ of `napari_m2n2.segmentation.diffseg`: maps that diverge by less are merged.
    text_gain : float
        γ of iSeg: how much heavier the tokens of a text prompt are than the sentence around them
        (`napari_m2n2.attention.words`).
    text_gain_on : {"embedding", "keys"}
        What is made heavier: what the network reads, as in the published program, or only the keys
        of its cross-attention, as the paper has it.
    text_clusters : int
        Clusters of cells that share an answer (`napari_m2n2.attention.word_clusters`); 0 for none.
    edge_score, positive_score, negative_score : bool
        Whether the gradient along the outline, the prompts of the same and those of the other
        class have a say in the choice of λ (M2N2 Eq. 7, 9, 10); for the paper's Table 2. Without
        any of them, and ``area_prior=1``, λ is 0.5.
    """

    grid: int = 64
    temperature: float = 0.65
    ipf_rounds: int = 200
    ipf_tolerance: float = 0.0
    walk: Literal["plain", "spectral"] = "plain"
    storage: Literal["single", "half"] = "single"
    tau: float = 0.3
    max_steps: int = 1000
    start: Literal["published", "aligned"] = "published"
    upsampling: Literal["dense", "fast"] = "dense"
    close_calls: float = 0.01
    sigma_space: float = 1.0
    sigma_range: float = 0.1
    most_pixels: int = 0
    choice_cell: float = 0.0
    stretch_guide: bool = False
    flood: bool = True
    area_prior: float = 0.4
    edge_bins: int = 1024
    image_edge: float = 0.0
    area_power: float = 0.0
    min_area: int = 0
    belief: float = 0.0
    centre: float = 0.0
    correction: float = 0.0
    correction_share: float = 4.0
    outline: Literal["map", "graph-cut"] = "map"
    outline_band: float = 0.15
    zoom: Literal["off", "auto"] = "off"
    zoom_cells: float = 6.0
    zoom_margin: float = 2.0
    zoom_grid: int = 32
    zoom_scales: int = 3
    entropy: float = 0.02
    refine_rounds: int = 8
    walk_steps: float = 1.0
    cut_graph: Literal["walk", "cosine", "dot", "divergence", "features"] = "walk"
    cut_threshold: float = 0.0
    merge_threshold: float = 1.0
    text_gain: float = 1.6
    text_gain_on: Literal["embedding", "keys"] = "embedding"
    text_clusters: int = 0
    edge_score: bool = True
    positive_score: bool = True
    negative_score: bool = True


PUBLISHED = Parameters()
"""What the published implementation does, which differs from the paper's text in places."""

PRESETS = ("default", "published")

_DEFAULTS: dict[str, Parameters] = {
    "texture": replace(
        PUBLISHED,
        ipf_tolerance=1e-3,  # for an attention that is not reversible
        walk="spectral",
        start="aligned",
        upsampling="fast",
        close_calls=0.0,  # measured without; outlines and edits decide more of its masks
        most_pixels=1_500_000,
        choice_cell=16.0,
        stretch_guide=True,
        image_edge=1.0,
        belief=4.0,
        centre=2.0,
        correction=6.0,
        outline="graph-cut",
        zoom="auto",
        # its walk is slow: a cell sees its like nearby, not everywhere as in a network
        refine_rounds=100,
        walk_steps=16,
    ),
}
"""What the evaluation proved better than the published choice, by backbone. Those with weights
have none, until somebody with weights has measured a change."""


def resolve(
    method: str, preset: str, backbone: str, overrides: dict[str, Any], device: str = "cpu"
) -> Parameters:
    """Return the parameters of a preset for a method and a backbone, with the user's own on top.

    Parameters
    ----------
    method, preset, backbone : str
        Their names; any other backbone than those of the registry has the published choice.
    overrides : dict
        Fields of `Parameters`.
    device : str
        As torch calls it; the grid depends on it.

    Raises
    ------
    InputError
        If a name is unknown or a value is out of range.
    """
    if method not in METHODS:
        raise InputError(f"The method {method!r} is unknown; choose one of {_listed(METHODS)}.")
    if preset not in PRESETS:
        raise InputError(f"The preset {preset!r} is unknown; choose one of {_listed(PRESETS)}.")
    known = [field.name for field in fields(Parameters)]
    for name in overrides:
        if name not in known:
            raise InputError(f"The parameter {name!r} is unknown; there are {_listed(known)}.")
    base = _DEFAULTS.get(backbone, PUBLISHED) if preset == "default" else PUBLISHED
    grid = default_grid(backbone, device)
    parameters = replace(base, **{"grid": grid, **METHODS[method].changes, **overrides})
    _check(parameters)
    return parameters


_RANGES: dict[str, tuple[float, float]] = {
    "grid": (1, 256),
    "temperature": (0.01, 1000),
    "ipf_rounds": (0, 100_000),
    "ipf_tolerance": (0, 1),
    "tau": (1e-6, 1 - 1e-6),
    "max_steps": (1, 1_000_000),
    "close_calls": (0, 1),
    "sigma_space": (0.01, 100),
    "sigma_range": (1e-4, 1000),
    "area_prior": (0, 1),
    "edge_bins": (0, 2**30),
    "image_edge": (0, 10),
    "area_power": (0, 2),
    "min_area": (0, 2**62),
    "most_pixels": (0, 2**62),
    "choice_cell": (0, 1e6),
    "belief": (0, 100),
    "centre": (0, 100),
    "correction": (0, 1e6),
    "correction_share": (0, 1e6),
    "outline_band": (0, 1),
    "entropy": (0, 10),
    "refine_rounds": (0, 1000),
    "walk_steps": (1, 1024),
    "cut_threshold": (0, 1 - 1e-6),
    "merge_threshold": (0, 1000),
    "text_gain": (0.01, 100),
    "text_clusters": (0, 1024),
    "zoom_cells": (0, 1e6),
    "zoom_margin": (1, 100),
    "zoom_grid": (1, 256),
    "zoom_scales": (0, 6),
}

_CHOICES: dict[str, tuple[str, ...]] = {
    "walk": ("plain", "spectral"),
    "storage": ("single", "half"),
    "start": ("published", "aligned"),
    "upsampling": ("dense", "fast"),
    "outline": ("map", "graph-cut"),
    "zoom": ("off", "auto"),
    "cut_graph": ("walk", "cosine", "dot", "divergence", "features"),
    "text_gain_on": ("embedding", "keys"),
}


def _check(parameters: Parameters) -> None:
    """Say which parameter is out of range."""
    for name, (low, high) in _RANGES.items():
        value = getattr(parameters, name)
        whole = isinstance(getattr(PUBLISHED, name), int)
        number = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
        if not number or not low <= value <= high:
            kind = "a whole number" if whole else "a number"
            raise InputError(f"{name}={value!r} cannot be; give {kind} from {low:g} to {high:g}.")
    for name, choices in _CHOICES.items():
        if getattr(parameters, name) not in choices:
            raise InputError(
                f"{name}={getattr(parameters, name)!r} is unknown; choose one of "
                f"{_listed(choices)}."
            )
    for name in ("flood", "stretch_guide", "edge_score", "positive_score", "negative_score"):
        if not isinstance(getattr(parameters, name), bool):
            raise InputError(
                f"{name}={getattr(parameters, name)!r} cannot be; give True or False."
            )


def _listed(names: Iterable[str]) -> str:
    """Return names as users read them."""
    return ", ".join(sorted(names))
